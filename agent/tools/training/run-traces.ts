// What a run has left on the disk so far, and what by its config is still to come.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Phase } from "../../../shared/tools/training.ts";
import { freeBytesAt } from "../../files/disk-space.ts";
import type { CheckpointSize } from "./disk-forecast.ts";
import type { Job } from "./job-store.ts";
import { readLossLog } from "./loss-log.ts";
import type { Costs } from "./pace.ts";
import { sourceOf, spanOf } from "./run.ts";
import { type RunFigures, readFigures } from "./run-figures.ts";
import { type Checkpoint, folderBytes, listCheckpoints, listSamples, type Sample } from "./run-files.ts";
import type { RunMemory } from "./run-memory.ts";
import { type RunPlan, samplesAt, savesAt, type ToCome, toCome, toRunPlan } from "./run-plan.ts";
import { roundSeconds, roundsOf, type SampleRound } from "./sample-rounds.ts";

export interface RunTraces {
  readonly figures: RunFigures | undefined;
  readonly plan: RunPlan | undefined;
  readonly toCome: ToCome | undefined;
  readonly costs: Costs;
  /** Is the checkpoint of the present step there, or after the last one the final file? */
  readonly savedHere: boolean;
  /** Of this run, the newest first. */
  readonly checkpoints: readonly Checkpoint[];
  /** Of all checkpoints of the run's name, but for one that is being written. */
  readonly sizes: readonly CheckpointSize[];
  /** Of this run, the newest last. */
  readonly rounds: readonly SampleRound[];
  /** All in the folder, those of earlier runs included, until the end of this one. */
  readonly samples: number;
  readonly sampleBytes: number | null;
  /** Where it writes; null when it does not, or cannot be asked. */
  readonly freeBytes: number | null;
}

export interface Progress {
  readonly phase: Phase;
  /** Steps done. */
  readonly step: number | null;
  readonly total: number | null;
}

const NOTHING: RunTraces = {
  figures: undefined,
  plan: undefined,
  toCome: undefined,
  costs: { save: null, sampling: null, both: null },
  savedHere: false,
  checkpoints: [],
  sizes: [],
  rounds: [],
  samples: 0,
  sampleBytes: null,
  freeBytes: null,
};

export async function readTraces(
  jobsPath: string,
  job: Job,
  memory: RunMemory,
  { phase, step, total }: Progress,
): Promise<RunTraces> {
  const samples = await samplesOf(job.output_folder, memory);
  const span = spanOf(job);
  if (!span) return { ...NOTHING, samples: samples.length };
  const { sinceMs, untilMs } = span;
  const all = await listCheckpoints(job.output_folder, job.name);
  const checkpoints = all.filter(({ mtimeMs }) => mtimeMs >= sinceMs && mtimeMs <= untilMs);
  const whole = phase === "saving" ? all.filter((file) => file !== checkpoints[0]) : all;
  if (memory.rounds?.of !== samples || memory.rounds.untilMs !== untilMs) {
    memory.rounds = { of: samples, untilMs, rounds: roundsOf(samples, sinceMs, untilMs) };
  }
  const { rounds } = memory.rounds;
  memory.plan ??= toRunPlan(await sourceOf(jobsPath, job).readConfig());
  const { plan } = memory;

  const savedSteps = checkpoints.flatMap(({ step: saved }) => saved ?? []);
  const sampledSteps = rounds.map((round) => round.step);
  const saves = new Set(savedSteps);
  const samplings = new Set(sampledSteps);
  const figures = readLossLog(
    job.output_folder,
    { since: sinceMs / 1000, until: Number.isFinite(untilMs) ? untilMs / 1000 : Number.MAX_VALUE },
    (log) =>
      readFigures(log, {
        since: sinceMs / 1000,
        memory,
        // Checkpoints that were pruned, and what was asked for in between, count as well.
        interruptions: {
          saves: (at) => saves.has(at) || (plan !== undefined && savesAt(plan, at)),
          samplings: (at) => samplings.has(at) || (plan !== undefined && samplesAt(plan, at)),
        },
        marks: marksOf(plan, log.newest.step, savedSteps, sampledSteps),
        savedAt: new Map(
          checkpoints.flatMap(({ step: at, mtimeMs }) => (at === null ? [] : [[at, mtimeMs / 1000]])),
        ),
        samplingSeconds: roundSeconds(rounds),
      }),
  );
  const saved = new Set((phase === "saving" ? checkpoints.slice(1) : checkpoints).map((file) => file.step));
  const sampled = new Set(
    phase === "sampling" || !plan
      ? []
      : rounds.filter(({ names }) => names.length >= plan.prompts).map((round) => round.step),
  );
  const runs = job.status === "running";
  return {
    figures,
    plan,
    toCome:
      plan && total !== null
        ? toCome(plan, { done: step ?? 0, start: figures?.start ?? step ?? 0, total, saved, sampled })
        : undefined,
    savedHere: step !== null && saved.has(total !== null && step >= total ? null : step),
    costs: figures?.costs ?? { save: null, sampling: roundSeconds(rounds), both: null },
    checkpoints,
    sizes: runs ? await sizesOf(job.output_folder, whole, memory) : [],
    rounds,
    samples: samples.filter(({ drawnMs }) => drawnMs <= untilMs).length,
    sampleBytes: runs ? await meanBytes(samples, memory) : null,
    freeBytes: runs ? await freeBytesAt(job.output_folder) : null,
  };
}

/** Marks of each kind that are measured; the newest tell most of what is to come. */
const MARKS_MAX = 4;

/** The newest steps of planned and of unplanned saves and samplings. */
function marksOf(
  plan: RunPlan | undefined,
  newest: number,
  saved: readonly number[],
  sampled: readonly number[],
): number[] {
  const multiples = (every: number | null | undefined) =>
    every ? Array.from({ length: MARKS_MAX }, (_, n) => (Math.floor(newest / every) - n) * every) : [];
  const newestOf = (steps: readonly number[]) => [...steps].sort((a, b) => b - a).slice(0, MARKS_MAX);
  const all = [
    ...multiples(plan?.saveEvery),
    ...multiples(plan?.sampleEvery),
    ...newestOf(saved),
    ...newestOf(sampled),
  ];
  return [...new Set(all)].filter((step) => step > 0);
}

/** A folder that changed this short before it was read may change again without a new time. */
const SETTLED_MS = 2_000;

/** Thousands of names on a long run: they are read again only when one came. */
async function samplesOf(outputFolder: string, memory: RunMemory): Promise<readonly Sample[]> {
  const folderMtimeMs = await stat(join(outputFolder, "samples")).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
  if (folderMtimeMs === undefined) return [];
  if (memory.samples?.folderMtimeMs === folderMtimeMs) return memory.samples.list;
  const list = await listSamples(outputFolder);
  if (Date.now() - folderMtimeMs > SETTLED_MS) memory.samples = { folderMtimeMs, list };
  return list;
}

/** A full fine-tune writes folders; each is measured once. */
async function sizesOf(
  outputFolder: string,
  checkpoints: readonly Checkpoint[],
  memory: RunMemory,
): Promise<CheckpointSize[]> {
  memory.folders ??= new Map();
  const sizes: CheckpointSize[] = [];
  for (const { name, step, mtimeMs, bytes } of checkpoints) {
    const key = `${name} ${mtimeMs}`;
    const known = bytes ?? memory.folders.get(key) ?? (await folderBytes(join(outputFolder, name)));
    if (bytes === null) memory.folders.set(key, known);
    sizes.push({ step, bytes: known });
  }
  return sizes;
}

const MEASURED_SAMPLES = 8;

async function meanBytes(samples: readonly Sample[], memory: RunMemory): Promise<number | null> {
  const newest = samples.slice(-MEASURED_SAMPLES);
  const of = newest.at(-1)?.path;
  if (of === undefined) return null;
  if (memory.sampleBytes?.of === of) return memory.sampleBytes.mean;
  const sizes = await Promise.all(
    newest.map(({ path }) =>
      stat(path).then(
        ({ size }) => size,
        () => 0, // deleted this moment
      ),
    ),
  );
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  memory.sampleBytes = { of, mean };
  return mean;
}
