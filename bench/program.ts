// Programs under measurement: real processes that say where they listen.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

/** What people run. */
export const BUILT = resolve(import.meta.dirname, "../dist/bin.js");

export interface Program {
  readonly url: string;
  readonly child: ChildProcess;
  /** Of the process that is measured. */
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (url === undefined) continue;
    // What it says later is not looked at, but must not fill the pipe either.
    child.stderr.resume();
    return {
      url,
      child,
      pid: child.pid ?? 0, // it has spoken, so it has one
      async stop() {
        const gone = once(child, "exit");
        child.kill();
        await gone;
      },
    };
  }
  throw new Error(`${args.join(" ")} did not start:\n${lines.join("\n")}`);
}

const agent = new Agent({ keepAlive: true });

/** One POST on a kept connection, the answer read and parsed. */
export function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  return new Promise((answered, reject) => {
    const text = JSON.stringify(body);
    const sent = request(
      url,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(text),
          ...headers,
        },
      },
      (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          answer += chunk;
        });
        response.on("end", () =>
          response.statusCode === 200 ? answered(JSON.parse(answer)) : reject(new Error(answer)),
        );
      },
    );
    sent.on("error", reject);
    sent.end(text);
  });
}

/** A tools/call as a client of each era sends it. */
export function toolsCall(
  url: string,
  era: "legacy" | "modern",
  name: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const params = { name, arguments: {} };
  if (era === "legacy")
    return post(`${url}/mcp`, { jsonrpc: "2.0", id: 1, method: "tools/call", params }, headers);
  const version = "2026-07-28";
  const meta = {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
  };
  return post(
    `${url}/mcp`,
    { jsonrpc: "2.0", id: 1, method: "tools/call", params: { ...params, _meta: meta } },
    {
      ...headers,
      "mcp-protocol-version": version,
      "mcp-method": "tools/call",
      "mcp-name": name,
      accept: "application/json, text/event-stream",
    },
  );
}
