// For tests: the program in stdio mode, spoken to by hand, line by line.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { vi } from "vitest";
import { parseRpcAnswer, parseToolResult, type RpcAnswer, textOf } from "./caller.ts";
import { clear, environment, MAIN, newDataFolder } from "./program.ts";

export interface StdioProgram {
  readonly data: string;
  /** A string goes as a line of its own, anything else as JSON. */
  send(message: unknown): void;
  /** All answers so far, in the order in which they came. */
  readonly answers: readonly RpcAnswer[];
  /** Waits for the answer to a request. */
  answer(id: string | number | null): Promise<RpcAnswer>;
  /** Calls a tool and waits for what it says, parsed. */
  call(tool: string, args?: unknown): Promise<Record<string, unknown>>;
  /** Closes its stdin. @returns the exit code */
  end(): Promise<number | null>;
  /** Ends it, and with the owner of the data folder all trainings in there and the folder. */
  close(): Promise<void>;
}

const PATIENCE = { timeout: 20_000, interval: 10 };

export async function startStdio({
  data: given,
  args = [],
  env = {},
}: {
  readonly data?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
} = {}): Promise<StdioProgram> {
  const data = given ?? (await newDataFolder());
  const fixed = ["--mode", "stdio", "--data", data, "--trainer", "rehearsal"];
  const child = spawn(process.execPath, [MAIN, ...fixed, ...args], {
    env: environment(env),
    stdio: ["pipe", "pipe", "ignore"],
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const answers: RpcAnswer[] = [];
  const problems: unknown[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    try {
      answers.push(parseRpcAnswer(JSON.parse(line)));
    } catch (error) {
      problems.push(error, line); // stdout is for MCP alone
    }
  });
  const send = (message: unknown) => {
    child.stdin.write(`${typeof message === "string" ? message : JSON.stringify(message)}\n`);
  };
  const answer = (id: string | number | null) =>
    vi.waitFor(() => {
      const found = answers.find((each) => each.id === id);
      if (problems.length > 0) throw new Error(`stdout holds what is no JSON-RPC: ${String(problems)}`);
      if (!found) throw new Error(`No answer to ${id}`);
      return found;
    }, PATIENCE);
  let calls = 0;
  return {
    data,
    send,
    answers,
    answer,
    async call(name, args = {}) {
      const id = `call ${++calls}`;
      send({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } });
      const { result } = await answer(id);
      return JSON.parse(textOf(parseToolResult(result).content) ?? "");
    },
    end() {
      child.stdin.end();
      return exited;
    },
    async close() {
      child.kill("SIGKILL");
      await exited;
      if (given === undefined) await clear(data);
    },
  };
}
