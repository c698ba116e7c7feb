// For tests: the Worker in workerd, the runtime of Cloudflare Workers, on a port of this machine.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { Miniflare } from "miniflare";
import { parse as parseToml } from "smol-toml";
import * as v from "valibot";
import { bundleWorker } from "../../scripts/worker-bundle.ts";
import type { Program, StartOptions } from "./program.ts";
import { AGENT_TOKEN, CLIENT_TOKEN, connected, startAgent } from "./routed.ts";
import type { Server } from "./subject.ts";

/** As it is deployed: what the runtime does depends on both. */
const { compatibility_date: COMPATIBILITY_DATE, compatibility_flags: COMPATIBILITY_FLAGS } = v.parse(
  v.object({ compatibility_date: v.string(), compatibility_flags: v.array(v.string()) }),
  parseToml(readFileSync(new URL("../../wrangler.toml", import.meta.url), "utf8")),
);

/** By entry. */
const bundles = new Map<string | undefined, ReturnType<typeof bundleWorker>>();

function bundled(entry: string | undefined): ReturnType<typeof bundleWorker> {
  const bundle = bundles.get(entry) ?? bundleWorker(entry);
  bundles.set(entry, bundle);
  return bundle;
}

export interface WorkerOptions {
  /** A module that exports the Worker and its Durable Object. */
  readonly entry?: string;
  /** A router that is started again has to be found where it was. */
  readonly port?: number;
  /** Folder of the object's storage. Another's stays its; without one a new one is made, and removed at the end. */
  readonly storage?: string;
  /** Secrets and variables beside the two tokens; null takes one away. */
  readonly bindings?: Readonly<Record<string, string | null>>;
}

export interface Worker {
  readonly url: string;
  readonly storage: string;
  /** What it said so far. */
  log(): string;
  /** Ends the runtime as a redeploy does: without a word to anybody. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function startWorker({
  entry,
  port = 0,
  storage: given,
  bindings = {},
}: WorkerOptions = {}): Promise<Worker> {
  const storage = given ?? (await mkdtemp(join(tmpdir(), "aitk-worker-")));
  let said = "";
  const listen = (stream: Readable) =>
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  const all = { MCP_AI_TOOLKIT_TOKEN: CLIENT_TOKEN, MCP_AI_TOOLKIT_AGENT_TOKEN: AGENT_TOKEN, ...bindings };
  const runtime = new Miniflare({
    host: "127.0.0.1",
    port,
    cf: false,
    modules: true,
    script: (await bundled(entry)).code,
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: COMPATIBILITY_FLAGS,
    durableObjects: { ROUTER: { className: "RouterObject", useSQLite: true } },
    durableObjectsPersist: storage,
    bindings: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)),
    handleRuntimeStdio(stdout: Readable, stderr: Readable) {
      listen(stdout);
      listen(stderr);
    },
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= runtime.dispose();
    return stopped;
  };
  const close = async () => {
    await stop();
    if (given === undefined) await rm(storage, { recursive: true, force: true });
  };
  try {
    const url = (await runtime.ready).origin;
    return { url, storage, log: () => said, stop, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export interface WorkerRouted extends Server {
  readonly worker: Worker;
  readonly agent: Program;
}

/** One Worker, and one agent that is connected to it. */
export async function startWorkerRouted(
  options: StartOptions = {},
  workerOptions: WorkerOptions = {},
): Promise<WorkerRouted> {
  const worker = await startWorker(workerOptions);
  try {
    const agent = await startAgent(worker.url, "box", options);
    await connected(agent);
    return {
      url: worker.url,
      token: CLIENT_TOKEN,
      data: agent.data,
      worker,
      agent,
      close: async () => void (await Promise.all([agent.close(), worker.close()])),
    };
  } catch (error) {
    await worker.close();
    throw error;
  }
}
