// One look at the GPUs: two short calls of nvidia-smi. The resident one (system/gpu-monitor.ts) has the figures that
// change all the time; whether a run may start needs the programs, too, and is asked seldom.
import { execFile } from "node:child_process";
import { figure, QUERY_FORMAT, splitGpuLine } from "../tools/system/nvidia-smi.ts";
import { sessionOf } from "../tools/training/process.ts";
import type { Environment } from "../trainer/environment.ts";
import { readTrainerProcess, trainingTitle } from "../trainer/trainer-process.ts";
import { APPS_QUERY, parseAppLine } from "./compute-apps.ts";
import type { ComputeApp, GpuSnapshot, GpuState } from "./gpu.ts";
import { allowedGpus, visibleGpus } from "./visible.ts";

export const GPU_QUERY = "index,uuid,name,memory.total,memory.used,memory.free";
const FIGURES = 3;

/** Without a persistent driver, waking eight GPUs takes many seconds. */
const TIMEOUT_MS = 30_000;
const OUTPUT_MAX_BYTES = 1024 * 1024;
const SHOWN_MAX = 200;

interface Answer {
  readonly lines: readonly string[];
  /** "missing": there is no such program. */
  readonly problem: "missing" | string | undefined;
}

function ask(query: string, environment: Environment, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const options = {
    env: { ...environment, LC_ALL: "C" }, // a decimal comma would break the columns
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
    maxBuffer: OUTPUT_MAX_BYTES,
    signal,
  } as const;
  try {
    execFile("nvidia-smi", [query, QUERY_FORMAT], options, (error, stdout, stderr) => {
      const lines = stdout.split("\n").map((line) => line.trim());
      resolve({ lines, problem: error ? problemOf(error, [...lines, ...stderr.split("\n")]) : undefined });
    });
  } catch (error) {
    resolve({ lines: [], problem: problemOf(error as Error, []) }); // some failures of spawn are thrown: no memory
  }
  return promise;
}

/** @param said what the driver printed; its first line tells most */
function problemOf(error: Error & { code?: unknown; killed?: boolean }, said: readonly string[]): string {
  if (error.code === "ENOENT") return "missing";
  if (error.killed) return `nvidia-smi did not answer within ${TIMEOUT_MS / 1000} seconds`;
  const line = said.find((each) => each !== "" && splitGpuLine(each, FIGURES) === undefined);
  return `nvidia-smi failed: ${line?.slice(0, SHOWN_MAX) ?? String(error.code)}`;
}

function gpuOf(line: string): Omit<GpuState, "apps"> | undefined {
  const columns = splitGpuLine(line, FIGURES);
  if (!columns) return undefined;
  const [totalMib = null, usedMib = null, freeMib = null] = columns.figures.map(figure);
  const { index, uuid, name } = columns;
  return { index, uuid, name, totalMib, usedMib, freeMib };
}

async function appsOf(lines: readonly string[]): Promise<(ComputeApp & { readonly gpuUuid: string })[]> {
  const apps = lines.map(parseAppLine).filter((app) => app !== undefined);
  return Promise.all(
    apps.map(async (app) => {
      const [session, trainer] = await Promise.all([sessionOf(app.pid), readTrainerProcess(app.pid)]);
      return { ...app, session, training: trainer && trainingTitle(trainer) };
    }),
  );
}

/** Never throws. `signal` gives up, e.g. when the agent closes. */
export async function readGpus(environment: Environment, signal: AbortSignal): Promise<GpuSnapshot> {
  const allowed = allowedGpus(environment);
  if (allowed.kind === "own") return allowed;
  const [devices, programs] = await Promise.all([
    ask(`--query-gpu=${GPU_QUERY}`, environment, signal),
    ask(`--query-compute-apps=${APPS_QUERY}`, environment, signal),
  ]);
  const found = devices.lines.map(gpuOf).filter((gpu) => gpu !== undefined);
  if (found.length === 0) return nothingFound(devices);
  const gpus = visibleGpus(found, environment);
  if (gpus.length === 0) {
    const { CUDA_VISIBLE_DEVICES } = environment;
    return {
      kind: "failed",
      note: `CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES} names no GPU that is there`,
    };
  }
  // A driver that cannot list programs shows its memory all the same.
  const apps = await appsOf(programs.lines);
  return {
    kind: "gpus",
    gpus: gpus.map((gpu) => ({ ...gpu, apps: apps.filter(({ gpuUuid }) => gpuUuid === gpu.uuid) })),
  };
}

function nothingFound({ lines, problem }: Answer): GpuSnapshot {
  if (problem === "missing") return { kind: "none", note: "There is no NVIDIA driver on this machine" };
  if (problem === undefined || [problem, ...lines].some((text) => text.includes("No devices were found"))) {
    return { kind: "none", note: "nvidia-smi finds no GPU" };
  }
  return { kind: "failed", note: problem };
}
