// For tests: starts bad-network.ts between an agent and its router, and tells it what to do.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Weather } from "./bad-network.ts";

export interface Network {
  /** The target's address, through this network. */
  readonly url: string;
  /** Resolves when it has begun. */
  weather(weather: Weather): Promise<void>;
  close(): Promise<void>;
}

/** @param target an http URL */
export async function startNetwork(target: string): Promise<Network> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "bad-network.ts"), new URL(target).host], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { port } = JSON.parse((await lines.next()).value) as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    async weather(weather) {
      child.stdin.write(`${weather}\n`);
      const { value } = await lines.next();
      if (value !== weather) throw new Error(`the network answered ${value}`);
    },
    async close() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
