// What single answers cost inside the agent, on a job with a long past.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createFolders, pathsOf } from "../agent/paths.ts";
import { systemHandlers } from "../agent/tools/system/handlers.ts";
import { SystemMonitor } from "../agent/tools/system/system-monitor.ts";
import { jobFolder, prepareJobFolder } from "../agent/tools/training/job-folder.ts";
import { JobStore } from "../agent/tools/training/job-store.ts";
import { jobStatus } from "../agent/tools/training/status.ts";
import { cost, medians, type Result } from "./measure.ts";
import { scratchFolder } from "./scratch.ts";

const LOG_BYTES = 100 * 1024 ** 2;
const LOGGED_STEPS = 100_000;

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
    metric.run(n, "loss/loss", 0.1);
    metric.run(n, "learning_rate", 1e-4);
  }
  db.exec("COMMIT");
  db.close();
}

export async function benchAnswers(): Promise<Result[]> {
  const paths = pathsOf({ data: await scratchFolder() });
  await createFolders(paths);
  const now = new Date();
  const store = new JobStore(paths.db);
  const output = join(paths.output, "long");
  await mkdir(output, { recursive: true });
  await prepareJobFolder(jobFolder(paths.jobs, "long"), "long", {});
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
  const line = `\rlong:  50%|#####     | 99999/200000 [00:08<00:15,  2.17s/it, lr: 1.0e-04 loss: 1.261e+00]`;
  await writeFile(jobFolder(paths.jobs, "long").log, line.repeat(Math.ceil(LOG_BYTES / line.length)));

  const monitor = new SystemMonitor({ path: paths.output });
  const system = systemHandlers({ stats: monitor, health: () => Promise.reject(new Error("not asked")) });
  const context = { signal: new AbortController().signal, progress: () => {} };
  await system.get_system_stats({}, context);
  const [status = 0, stats = 0] = await medians(
    [() => jobStatus(store, paths.jobs, job, new Date()), () => system.get_system_stats({}, context)],
    200,
    20,
  );
  await monitor.close();
  store[Symbol.dispose]();
  return [
    cost(`get_training_status with a 100 MB log and ${LOGGED_STEPS} logged steps`, status, 5),
    cost("get_system_stats", stats, 2),
  ];
}
