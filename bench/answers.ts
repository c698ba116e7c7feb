// What single answers cost inside the agent, on a job with a long past.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createFolders, pathsOf } from "../agent/paths.ts";
import { systemHandlers } from "../agent/tools/system/handlers.ts";
import { SystemMonitor } from "../agent/tools/system/system-monitor.ts";
import { jobFolder, prepareJobFolder } from "../agent/tools/training/job-folder.ts";
import { JobStore } from "../agent/tools/training/job-store.ts";
import { createStatusReader } from "../agent/tools/training/status.ts";
import { cost, medians, type Result } from "./measure.ts";
import { scratchFolder } from "./scratch.ts";

const LOG_BYTES = 100 * 1024 ** 2;
const LOGGED_STEPS = 100_000;
const SAMPLES = 1_600;
const SAMPLE_EVERY = 250;

function fillLossLog(folder: string, since: number): void {
  const db = new DatabaseSync(join(folder, "loss_log.db"));
  db.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE steps (step INTEGER PRIMARY KEY, wall_time REAL NOT NULL);
    CREATE TABLE metrics (step INTEGER NOT NULL, key TEXT NOT NULL, value_real REAL, value_text TEXT, PRIMARY KEY (step, key));
    CREATE INDEX idx_metrics_key_step ON metrics (key, step);
    BEGIN;`);
  const step = db.prepare("INSERT INTO steps VALUES (?, ?)");
  const metric = db.prepare("INSERT INTO metrics (step, key, value_real) VALUES (?, ?, ?)");
  for (let n = 1; n < LOGGED_STEPS; n++) {
    step.run(n, since + n);
    metric.run(n, "loss/loss", 0.1 + (n % 97) / 1_000);
    metric.run(n, "learning_rate", 1e-4);
  }
  db.exec("COMMIT");
  db.close();
}

async function fillSamples(output: string, since: number): Promise<void> {
  await mkdir(join(output, "samples"));
  for (let n = 0; n < SAMPLES; n++) {
    const step = Math.floor(n / 4) * SAMPLE_EVERY;
    const name = `${since + step * 1_000 + n}__${String(step).padStart(9, "0")}_${n % 4}.jpg`;
    await writeFile(join(output, "samples", name), "");
  }
  for (const step of [99_000, 99_250, 99_500, 99_750]) {
    await writeFile(join(output, `long_${String(step).padStart(9, "0")}.safetensors`), "x".repeat(1_000));
  }
}

export async function benchAnswers(): Promise<Result[]> {
  const paths = pathsOf({ data: await scratchFolder() });
  await createFolders(paths);
  const now = new Date();
  const store = new JobStore(paths.db);
  const output = join(paths.output, "long");
  await mkdir(output, { recursive: true });
  const save = { save_every: SAMPLE_EVERY, max_step_saves_to_keep: 4 };
  const sample = { sample_every: SAMPLE_EVERY, prompts: ["a", "b", "c", "d"] };
  const config = { config: { name: "long", process: [{ save, sample }] } };
  await prepareJobFolder(jobFolder(paths.jobs, "long"), "long", config);
  store.add({
    id: "long",
    config: "long",
    name: "long",
    trainer: "rehearsal",
    total_steps: LOGGED_STEPS * 2,
    output_folder: output,
    dataset_folders: [],
    created_at: now.toISOString(),
  });
  const job = store.claimNext({ pid: process.pid, startTicks: null, bootId: null }, now.toISOString());
  if (!job) throw new Error("the job was not claimed");
  fillLossLog(output, now.getTime() / 1000);
  await fillSamples(output, now.getTime());
  const line = `\rlong:  50%|#####     | 99999/200000 [00:08<00:15,  2.17s/it, lr: 1.0e-04 loss: 1.261e+00]`;
  await writeFile(jobFolder(paths.jobs, "long").log, line.repeat(Math.ceil(LOG_BYTES / line.length)));

  const monitor = new SystemMonitor({ path: paths.output });
  const system = systemHandlers({ stats: monitor, health: () => Promise.reject(new Error("not asked")) });
  const context = { signal: new AbortController().signal, progress: () => {} };
  await system.get_system_stats({}, context);
  const parts = {
    store,
    jobsPath: paths.jobs,
    now: () => new Date(),
    gpus: () => [],
    queueFacts: async () => ({ gpu: null, held: false, waiting_for: null, expected_start: null }),
  };
  const reader = createStatusReader(parts);
  const [status = 0, stats = 0] = await medians(
    [() => reader.status(job), () => system.get_system_stats({}, context)],
    200,
    20,
  );
  // Each time like the first after a start of the agent: nothing is remembered yet.
  const [first = 0] = await medians([() => createStatusReader(parts).status(job)], 20, 2);
  await monitor.close();
  store[Symbol.dispose]();
  const run = `a 100 MB log, ${LOGGED_STEPS} logged steps and ${SAMPLES} samples`;
  return [
    cost(`get_training_status with ${run}`, status, 5),
    cost(`the first get_training_status with ${run}`, first, 100),
    cost("get_system_stats", stats, 2),
  ];
}
