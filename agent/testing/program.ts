// For tests: the real program, as real processes on a data folder of their own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathsOf } from "../paths.ts";
import { JobStore } from "../tools/training/job-store.ts";
import { sessionMembers, signalAll } from "../tools/training/process.ts";

export const MAIN = join(import.meta.dirname, "../main.ts");

/** As fast as a rehearsal goes; a test that wants to catch a phase makes that one last, in its config. */
const PACE = {
  REHEARSAL_STEP_MS: "1",
  REHEARSAL_LOAD_MS: "0",
  REHEARSAL_SAMPLE_MS: "0",
  REHEARSAL_SAVE_MS: "0",
};

/**
 * What the program finds around it: nothing of the machine that the tests happen to run on but its programs. Its GPUs
 * are hidden; a test that wants some brings its own nvidia-smi.
 */
export function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = "/usr/bin:/bin", NODE_COMPILE_CACHE = "" } = process.env;
  return {
    PATH,
    NODE_COMPILE_CACHE,
    HOME: "/nonexistent",
    ...PACE,
    ...(extra["PATH"] === undefined && { CUDA_VISIBLE_DEVICES: "" }),
    ...extra,
  };
}

export interface StartOptions {
  /** Without one it is a mode of its own with the rehearsal trainer. */
  readonly command?: "agent" | "router";
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of another program, which stays its owner; without it a new one is made, and removed at the end. */
  readonly data?: string;
  /** A command that ends by executing what follows it, to start the program in other surroundings. */
  readonly within?: readonly [string, ...string[]];
}

export interface Program {
  readonly url: string;
  readonly data: string;
  readonly pid: number;
  /** What it said on stderr so far. */
  log(): string;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** Asks it to end, as systemd does. @returns its exit code, or the signal that ended it */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
  kill9(): Promise<void>;
  /** Ends it, and with the owner of the data folder all trainings in there and the folder. */
  close(): Promise<void>;
}

export const newDataFolder = () => mkdtemp(join(tmpdir(), "aitk-test-"));

/** Starts `node agent/main.ts --trainer rehearsal --port 0 …` and waits until it listens. @throws Error with its log */
export async function startProgram({
  command,
  args = [],
  env = {},
  data: given,
  within,
}: StartOptions = {}): Promise<Program> {
  const data = given ?? (await newDataFolder());
  const trainer = command === "router" ? [] : ["--trainer", "rehearsal"];
  const fixed = [...(command ? [command] : []), "--data", data, "--port", "0", ...trainer];
  const program = [process.execPath, MAIN, ...fixed, ...args] as const;
  const [first, ...rest] = within ? ([...within, ...program] as const) : program;
  const child = spawn(first, rest, {
    env: environment(env),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  const lines: string[] = [];
  const listening = Promise.withResolvers<string>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(line);
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (url) listening.resolve(url);
  });
  const log = () => lines.join("\n");
  void exited.then((code) =>
    listening.reject(new Error(`The program ended (${code}) before it listened:\n${log()}`)),
  );
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  const close = async () => {
    await endWithin(child, exited);
    if (given === undefined) await clear(data);
  };
  try {
    const url = await listening.promise;
    return {
      url,
      data,
      pid: child.pid ?? 0,
      log,
      exited,
      stop: (signal = "SIGTERM") => end(signal),
      kill9: async () => void (await end("SIGKILL")),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How long a program may take to close before it is killed. */
const CLOSE_MS = 8_000;

async function endWithin(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), CLOSE_MS);
  await exited;
  clearTimeout(timer);
}

/** Kills every training that was started from this data folder, orphans included, and removes the folder. */
export async function clear(data: string): Promise<void> {
  const { db } = pathsOf({ data });
  if (existsSync(db)) {
    const store = new JobStore(db);
    for (const { pid, start_ticks, boot_id } of store.list(1_000)) {
      if (pid === null) continue;
      signalAll(await sessionMembers({ pid, startTicks: start_ticks, bootId: boot_id }), "SIGKILL");
    }
    store[Symbol.dispose]();
  }
  await rm(data, { recursive: true, force: true, maxRetries: 10 }); // what was killed may still be writing
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program with nothing but these arguments until it ends by itself. */
export async function runProgram(
  args: readonly string[],
  { env = {}, input = "" }: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: environment(env), stdio: "pipe" });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {}); // it may end without reading
  child.stdin.end(input);
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}
