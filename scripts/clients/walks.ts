// The same walk with each client: to the server, through its tools, and over its restart. What a client cannot do is left
// out of its walk, and stands in the matrix as a dash.
import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import * as v from "valibot";

const run = promisify(execFile);

export const STEPS = [
  "initialize",
  "list",
  "call",
  "image",
  "error",
  "progress",
  "cancel",
  "restart",
] as const;
export type Step = (typeof STEPS)[number];

/** What was seen. */
export type Seen = Partial<Record<Step, boolean>>;

export interface Place {
  readonly url: string;
  /** A run that goes on and on. */
  readonly job: string;
  readonly images: readonly { readonly filename: string; readonly data: string }[];
  /** Stops the server and starts it again where it was. */
  restart(): Promise<void>;
}

export type Walk = (place: Place) => Promise<Seen>;

const Line = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ step: v.picklist([...STEPS, "ready"]), ok: v.boolean(), note: v.optional(v.string()) }),
);

export const python =
  (program: string, mode: "auto" | "legacy"): Walk =>
  async ({ url, job, images, restart }) => {
    const child = spawn(program, [`${import.meta.dirname}/walk.py`, mode], {
      env: { ...process.env, WALK_URL: url, WALK_JOB: job, WALK_IMAGES: JSON.stringify(images) },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const seen: Seen = {};
    for await (const line of createInterface({ input: child.stdout })) {
      const { step, ok } = v.parse(Line, line);
      if (step !== "ready") seen[step] = ok;
      else {
        await restart();
        child.stdin.end("\n");
      }
    }
    return seen;
  };

interface Block {
  readonly type: string;
  readonly text?: string;
}
const contentOf = (result: unknown) => (result as { readonly content: readonly Block[] }).content;
const isNotFound = (result: unknown) => JSON.parse(contentOf(result)[0]?.text ?? "{}").code === "not_found";
const hasImage = (result: unknown) => contentOf(result).some(({ type }) => type === "image");

export const mcpRemote =
  (program: string): Walk =>
  async ({ url, job, images, restart }) => {
    const client = new Client({ name: "clients", version: "1" });
    const args = [program, url, "--transport", "http-only", "--allow-http"];
    await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: "ignore" }));
    try {
      const seen: Seen = { initialize: client.getServerVersion()?.name === "ai-toolkit" };
      const { tools } = await client.listTools();
      seen.list = tools.some(({ name }) => name === "wait_for_training");
      const call = (name: string, given: Record<string, unknown>) =>
        client.callTool({ name, arguments: given });
      seen.call = (await call("get_system_stats", {})).structuredContent !== undefined;
      seen.image = hasImage(await call("view_dataset", { name: "cats" }));
      seen.error = isNotFound(await call("get_config", { name: "gone" }));
      let heard = 0;
      const upload = {
        name: "upload_dataset",
        arguments: { dataset_name: "walked", images, overwrite: true },
      };
      await client.callTool(upload, undefined, { onprogress: () => void heard++ });
      seen.progress = heard > 0;
      const cancel = new AbortController();
      const wait = { name: "wait_for_training", arguments: { job_id: job, seconds: 45 } };
      const outcome = client.callTool(wait, undefined, { signal: cancel.signal }).then(
        () => "answered",
        () => "cancelled",
      );
      cancel.abort();
      seen.cancel = (await outcome) === "cancelled" && (await call("list_configs", {})).isError !== true;
      await restart();
      seen.restart = (await client.listTools()).tools.length === tools.length;
      return seen;
    } finally {
      await client.close();
    }
  };

/** Each of its calls is a process that connects anew. */
export const inspector =
  (program: string, era: "legacy" | "modern"): Walk =>
  async ({ url }) => {
    const ask = async (...args: readonly string[]): Promise<unknown> => {
      const all = [program, "--cli", url, "--transport", "http", "--protocol-era", era, ...args];
      // It says by its exit code that a tool failed.
      const { stdout } = await run(process.execPath, all, { maxBuffer: 32 * 1024 * 1024 }).catch(
        (error: { readonly stdout?: string }) => ({ stdout: error.stdout ?? "" }),
      );
      return JSON.parse(stdout);
    };
    const tool = (name: string, ...args: readonly string[]) =>
      ask("--method", "tools/call", "--tool-name", name, ...args);
    const { tools } = (await ask("--method", "tools/list")) as {
      readonly tools: readonly { name: string }[];
    };
    return {
      initialize: true,
      list: tools.some(({ name }) => name === "wait_for_training"),
      call: contentOf(await tool("get_system_stats")).length > 0,
      image: hasImage(await tool("view_dataset", "--tool-arg", "name=cats")),
      error: isNotFound(await tool("get_config", "--tool-arg", "name=gone")),
    };
  };

/** As scripts do it: no Accept, and the session id of before the restart. */
export const curl: Walk = async ({ url, restart }) => {
  let session: readonly string[] = [];
  const post = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = ["Content-Type: application/json", "Accept:", ...session].flatMap((each) => ["-H", each]);
    const { stdout } = await run("curl", ["-s", "-i", url, ...headers, "-d", body], {
      maxBuffer: 32 * 1024 * 1024,
    });
    const [head = "", ...rest] = stdout.split("\r\n\r\n");
    const [, id] = /^mcp-session-id: (.*)$/im.exec(head) ?? [];
    if (id !== undefined) session = [`Mcp-Session-Id: ${id.trim()}`];
    return JSON.parse(rest.join("\r\n\r\n")).result;
  };
  const tool = (name: string, args: object = {}) => post("tools/call", { name, arguments: args });
  const introduced = await post("initialize", { protocolVersion: "2025-11-25", capabilities: {} });
  const seen: Seen = {
    initialize: introduced["protocolVersion"] === "2025-11-25" && session.length > 0,
    list: ((await post("tools/list"))["tools"] as readonly unknown[]).length > 0,
    call: (await tool("get_system_stats"))["structuredContent"] !== undefined,
    image: hasImage(await tool("view_dataset", { name: "cats" })),
    error: isNotFound(await tool("get_config", { name: "gone" })),
  };
  await restart();
  return { ...seen, restart: (await tool("list_configs"))["structuredContent"] !== undefined };
};
