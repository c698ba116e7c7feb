// The recorded run of the real trainer, played again into a job's files: log, checkpoints, samples and loss_log.db come
// in the order in which they came then, and the job is looked at all the while.
import { readFileSync } from "node:fs";
import { cp, utimes } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { scratch } from "../../testing/scratch.ts";
import { openRun } from "./fixtures/watched-run.ts";
import { readLossLog } from "./loss-log.ts";
import { parseProgress } from "./progress.ts";

const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url);
const log = readFileSync(fixture("run.log"));
const config = parse(
  readFileSync(new URL("../../rehearsal/fixtures/config.yaml", import.meta.url), "utf8"),
) as { config: { process: object[] } };

/** Milliseconds since 1970, from the names of its samples. */
const SAMPLES = [
  "1795363910925__000000000_0.jpg",
  "1795363918156__000000000_1.jpg",
  "1795363939300__000000005_0.jpg",
  "1795363947313__000000005_1.jpg",
  "1795363961373__000000010_0.jpg",
  "1795363966290__000000010_1.jpg",
  "1795363979353__000000012_0.jpg",
  "1795363987157__000000012_1.jpg",
];
/** When each checkpoint may have been there: between the step before it and the first sample after it. */
const SAVED: Readonly<Record<string, number>> = {
  "tiny_run_v1_000000005.safetensors": 1795363932,
  "tiny_run_v1_000000010.safetensors": 1795363955,
  "tiny_run_v1.safetensors": 1795363972,
};
const STARTED = 1795363890;
const ENDED = 1795363987.2;

async function recordedSteps() {
  const folder = await scratch();
  await cp(fixture("tiny_run_v1/loss_log.db"), join(folder, "loss_log.db"));
  const rows = readLossLog(folder, { since: 0 }, (read) => {
    const losses = new Map(read.losses(100).map(({ step, value }) => [step, value]));
    return read.steps(100).map((row) => ({ ...row, loss: losses.get(row.step) ?? null }));
  });
  expect(rows).toHaveLength(11);
  return rows ?? [];
}

/** Lengths between 1 and 64, so that lines, bars, escapes and characters are cut anywhere; the same in every run. */
function* cuts(length: number) {
  let state = 7;
  for (let at = 0; at < length; ) {
    state = (state * 75 + 74) % 65_537;
    at = Math.min(length, at + 1 + (state % 64));
    yield at;
  }
}

const changes = <T>(values: readonly T[]) =>
  values.filter((value, index) => index === 0 || value !== values[index - 1]);

test("replayed piece by piece, the recorded run has exactly its phases, steps, losses, checkpoints and samples", async () => {
  const steps = await recordedSteps();
  const run = await openRun({
    name: "tiny_run_v1",
    steps: 12,
    startedAt: new Date(STARTED * 1000),
    process: config.config.process[0] ?? {},
  });
  let seconds = STARTED;
  const reader = run.reader(() => new Date(seconds * 1000));
  const seen: Awaited<ReturnType<typeof reader.status>>[] = [];
  let [from, logged, drawn] = [0, 0, 0];
  const saved = new Set<string>();
  const tick = (at: number) => {
    seconds = Math.max(seconds, at);
  };
  for (const to of cuts(log.length)) {
    await run.print(log.subarray(from, to));
    from = to;
    const text = log.toString("utf8", 0, to);
    for (const [, name = ""] of text.matchAll(/^Saved checkpoint to .*\/(.+)\r?\n/gm)) {
      if (saved.has(name)) continue;
      saved.add(name);
      const path = await run.put(name, "x".repeat(633));
      tick(SAVED[name] ?? 0);
      await utimes(path, SAVED[name] ?? 0, SAVED[name] ?? 0);
    }
    const images = [...text.matchAll(/Generating Images: +\d+%\|[^|]*\| [12]\/2 \[[^\]]*\]/g)].length;
    for (const name of SAMPLES.slice(drawn, images)) {
      await run.put(join("samples", name), "x".repeat(2_000));
      tick(Number(name.slice(0, 13)) / 1000);
    }
    drawn = images;
    // A step is logged right before the bar counts it; its number is one less.
    const done = parseProgress(text, "tiny_run_v1")?.step ?? 0;
    const rows = steps.slice(logged, Math.max(logged, done - 1));
    run.logSteps(rows);
    logged += rows.length;
    tick(rows.at(-1)?.wallTime ?? 0);
    seen.push(await reader.status(run.job()));
  }

  const around = ["training", "saving", "sampling"];
  expect(changes(seen.map(({ phase }) => phase))).toEqual([
    "starting",
    "loading",
    "caching",
    "baseline_samples",
    ...around,
    ...around,
    ...around,
  ]);
  expect(changes(seen.map(({ step }) => step))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(changes(seen.map(({ loss }) => loss?.toFixed(3)))).toEqual([
    undefined,
    "1.269", // of the first step, which only the bar shows
    ...steps.map(({ loss }) => loss?.toFixed(3)),
  ]);
  expect(changes(seen.map(({ last_checkpoint }) => last_checkpoint?.name))).toEqual([
    undefined,
    ...Object.keys(SAVED),
  ]);
  expect(changes(seen.map(({ samples }) => samples))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(
    changes(seen.map(({ last_samples }) => last_samples && `${last_samples.step}: ${last_samples.count}`)),
  ).toEqual([null, "0: 1", "0: 2", "5: 1", "5: 2", "10: 1", "10: 2", "12: 1", "12: 2"]);
  expect(new Set(seen.flatMap(({ warnings }) => warnings))).toEqual(new Set());

  // No estimate before five steps were measured; from then on one that is right by a sampling's time.
  const estimates = seen.filter(({ eta_seconds }) => eta_seconds !== null);
  expect(estimates[0]?.step).toBe(5);
  for (const { eta_seconds, as_of } of estimates) {
    const left = ENDED - Date.parse(as_of) / 1000;
    expect(Math.abs((eta_seconds ?? 0) - left)).toBeLessThan(15);
  }
  expect(seen.findLast(({ phase }) => phase === "training")).toMatchObject({
    planned: { saves: 1, samplings: 1, images_per_sampling: 2 },
    loss_stats: { min: { value: 1.177, step: 7 }, trend: null },
    seconds_per_step: expect.closeTo(1.2, 0),
    disk: { forecast_bytes_at_end: expect.any(Number) },
  });
  expect(seen.at(-1)).toMatchObject({
    progress: 100,
    lr: 1e-4,
    loss_stats: { last: 1.141, min: { value: 1.141, step: 11 } },
    planned: { saves: 0, samplings: 1 },
  });
});
