// One nvidia-smi that stays and prints the GPUs' figures every two seconds. Starting one for each question would cost up
// to seconds, in which the driver is brought up and taken down again.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Gpu } from "../../../shared/tools/system.ts";
import { forEachLine } from "./lines.ts";
import {
  type GpuLine,
  isUnknownField,
  parseGpuLine,
  QUERIES,
  QUERY_FORMAT,
  throttlingOf,
} from "./nvidia-smi.ts";

export interface GpuReading {
  readonly devices: Gpu[];
  /** Why there are no devices; null when there are. */
  readonly note: string | null;
}

export interface GpuMonitorOptions {
  /** The program; what to ask for comes behind it. */
  readonly command?: readonly [string, ...string[]];
  /** Pause before a program that ended is started again; doubles up to `maxPauseMs` while it keeps ending. */
  readonly firstPauseMs?: number;
  readonly maxPauseMs?: number;
  /** Figures older than this are not shown as if they were of now. */
  readonly staleMs?: number;
  /** Milliseconds on a clock that never jumps. */
  readonly now?: () => number;
}

const INTERVAL_MS = 2000;

/** A GPU is called throttled when it was so in this many samples in a row, ten seconds: short ones come and go. */
const THROTTLED_SAMPLES = 5;

const SHOWN_MAX = 300;

type Child = ChildProcessByStdio<null, Readable, Readable>;

export class GpuMonitor {
  readonly #options: Required<GpuMonitorOptions>;
  readonly #seen = new Map<
    number,
    { readonly gpu: Gpu; readonly atMs: number; readonly reasons: readonly number[] }
  >();
  /** Which of QUERIES this nvidia-smi understands; found out by asking. */
  #query = 0;
  readonly #first = Promise.withResolvers<void>();
  #child: Child | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #pauseMs: number;
  /** What the program said instead of figures, or how it ended. */
  #complaint: string | undefined;
  #closed = false;

  constructor(options: GpuMonitorOptions = {}) {
    this.#options = {
      command: ["nvidia-smi"],
      firstPauseMs: 2000,
      maxPauseMs: 5 * 60_000, // a driver may be installed while we run
      staleMs: 5 * INTERVAL_MS,
      now: () => performance.now(),
      ...options,
    };
    this.#pauseMs = this.#options.firstPauseMs;
    this.#start();
  }

  /** The newest figures, at once. */
  read(): GpuReading {
    const { staleMs, now } = this.#options;
    const fresh = [...this.#seen.values()].filter(({ atMs }) => now() - atMs <= staleMs);
    const devices = fresh.map(({ gpu }) => gpu).sort((a, b) => a.index - b.index);
    return { devices, note: devices.length > 0 ? null : this.#note() };
  }

  /** Fulfilled when the first figures are there, or when it is clear that none will come soon. */
  get ready(): Promise<void> {
    return this.#first.promise;
  }

  /** Ends the program. It only reads, so there is nothing to ask politely for. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    this.#first.resolve();
    this.#child?.kill("SIGKILL");
    await this.#ended;
  }

  #note(): string {
    if (this.#complaint) return this.#complaint;
    return this.#seen.size === 0
      ? "nvidia-smi has not answered yet"
      : `nvidia-smi has said nothing for more than ${Math.round(this.#options.staleMs / 1000)} seconds`;
  }

  #start(): void {
    const [program, ...args] = this.#options.command;
    const ended = Promise.withResolvers<void>();
    this.#ended = ended.promise;
    const ask = [`--query-gpu=${QUERIES[this.#query]}`, QUERY_FORMAT, `--loop-ms=${INTERVAL_MS}`];
    const child: Child = spawn(program, [...args, ...ask], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LC_ALL: "C" }, // a decimal comma would break the columns
    });
    this.#child = child;
    let problem: string | undefined;
    let said = ""; // the first line of the driver's message tells most
    forEachLine(child.stdout, (line) => {
      if (this.#see(line)) said = "";
      else said ||= line;
    });
    forEachLine(child.stderr, (line) => {
      said ||= line;
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      problem =
        error.code === "ENOENT"
          ? `${program} not found: no NVIDIA driver is installed, or it is not on PATH`
          : `${program} cannot be started: ${error.code ?? error.message}`;
      // Without a process there is no "close" from some failures of spawn.
      if (child.pid === undefined) finish();
    });
    child.once("close", (code, signal) => {
      problem ??= `${program} failed: ${said.slice(0, SHOWN_MAX) || `it ended with ${signal ?? `status ${code}`}`}`;
      finish();
    });
    const finish = () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (isUnknownField(said) && this.#query < QUERIES.length - 1 && !this.#closed) {
        this.#query += 1;
        ended.resolve();
        this.#start(); // at once: the driver is there, it is only older
        return;
      }
      this.#complaint = problem;
      this.#first.resolve();
      ended.resolve();
      this.#startAgainLater();
    };
    // The monitor alone must not keep the agent's process alive.
    child.unref();
    for (const pipe of [child.stdout, child.stderr]) unref(pipe);
  }

  #startAgainLater(): void {
    if (this.#closed) return;
    this.#restart = setTimeout(() => this.#start(), this.#pauseMs);
    this.#restart.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.maxPauseMs);
  }

  /** Reasons for slower clocks in the newest samples; none from before a gap, or when the driver does not tell. */
  #masks(index: number, reasons: GpuLine["reasons"]): readonly number[] {
    if (reasons === null) return [];
    const before = this.#seen.get(index);
    const { staleMs, now } = this.#options;
    const recent = before && now() - before.atMs <= staleMs ? before.reasons : [];
    return [...recent, reasons].slice(-THROTTLED_SAMPLES);
  }

  #see(line: string): boolean {
    const parsed = parseGpuLine(line, this.#query < QUERIES.length - 1);
    if (!parsed) return false;
    const { reasons, ...gpu } = parsed;
    const masks = this.#masks(gpu.index, reasons);
    const held = masks.reduce((all, mask) => all & mask, 0xff);
    const throttling = masks.length < THROTTLED_SAMPLES ? null : throttlingOf(held);
    this.#seen.set(gpu.index, { gpu: { ...gpu, throttling }, atMs: this.#options.now(), reasons: masks });
    this.#complaint = undefined;
    this.#pauseMs = this.#options.firstPauseMs;
    // All GPUs are printed at once: the rest of them is in the same chunk.
    setImmediate(() => this.#first.resolve());
    return true;
  }
}

function unref(pipe: Readable): void {
  // At runtime these are sockets; their type only says Readable.
  if ("unref" in pipe && typeof pipe.unref === "function") pipe.unref();
}
