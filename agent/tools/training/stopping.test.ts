// Stops with supervisors of our own and very short grace periods; the trainer is the rehearsal, a real process.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { SILENT } from "../../../shared/log.ts";
import { GpuWatch } from "../../gpus/gpu-watch.ts";
import { createFolders, pathsOf } from "../../paths.ts";
import { rehearsalCommand } from "../../program.ts";
import { clear, newDataFolder } from "../../testing/program.ts";
import { putRun, type RunBlocks } from "../../testing/subject.ts";
import { ENDLESS, PATIENCE } from "../../testing/training-story.ts";
import { REQUESTS, type Trainer } from "../../trainer/trainer.ts";
import { jobFolder, prepareJobFolder } from "./job-folder.ts";
import { type Job, JobStore, processOf } from "./job-store.ts";
import { identify, sessionMembers } from "./process.ts";
import { toRunConfig } from "./run-config.ts";
import { Supervisor } from "./supervisor.ts";
import { readReport } from "./trainer-report.ts";

vi.setConfig({ testTimeout: 60_000 });

const grace = { saveMs: 300, interruptMs: 1_000, terminateMs: 300 };
const trainer = async (): Promise<Trainer> => ({
  kind: "rehearsal",
  command: rehearsalCommand(),
  cwd: "/",
  reports: true,
  requests: REQUESTS,
  environmentPrefixes: [],
});

/** A data folder with as many agents' supervisors as wanted. */
async function workshop() {
  const data = await newDataFolder();
  const paths = pathsOf({ data });
  await createFolders(paths);
  const store = new JobStore(paths.db);
  const gpus = new GpuWatch({ environment: { PATH: "" } });
  const supervise = async () => {
    const log = { ...SILENT, error: vi.fn() };
    const environment = { PATH: process.env["PATH"] };
    const parts = { store, jobsPath: paths.jobs, trainer, gpus, log, grace, environment };
    const supervisor = new Supervisor(parts);
    await supervisor.start();
    return supervisor;
  };
  const supervisor = await supervise();
  onTestFinished(async () => {
    await supervisor[Symbol.asyncDispose]();
    await gpus.close();
    store[Symbol.dispose]();
    await clear(data);
  });
  const get = (id: string): Job => {
    const job = store.get(id);
    if (!job) throw new Error(`no job ${id}`);
    return job;
  };
  return {
    store,
    supervisor,
    get,
    report: (id: string) => readReport(join(paths.jobs, id, "job.db"), id),
    logOf: (id: string) => readFile(join(paths.jobs, id, "log.txt"), "utf8"),
    async start(name: string, blocks: RunBlocks): Promise<string> {
      await putRun(paths, name, blocks);
      const value: unknown = JSON.parse(await readFile(join(paths.config, `${name}.yaml`), "utf8"));
      const id = randomUUID();
      const folder = jobFolder(paths.jobs, id);
      const run = toRunConfig(value, { root: paths.root, databasePath: folder.database, reports: true });
      await prepareJobFolder(folder, id, run.value);
      store.add({
        id,
        config: name,
        name,
        trainer: "rehearsal",
        total_steps: run.totalSteps,
        output_folder: run.outputFolder,
        dataset_folders: run.datasetFolders,
        created_at: new Date().toISOString(),
      });
      await supervisor.look();
      return id;
    },
    steps: (id: string, least: number) =>
      vi.waitFor(
        () =>
          expect(readReport(join(paths.jobs, id, "job.db"), id)).toMatchObject({
            info: "Training",
            step: expect.toSatisfy((step: number) => step >= least),
          }),
        PATIENCE,
      ),
    ended: (id: string) =>
      vi.waitFor(() => {
        const job = get(id);
        expect(job.finished_at).not.toBeNull();
        return job;
      }, PATIENCE),
  };
}

test("a trainer that hangs is not waited for without end: the save is given up, and it is stopped", async () => {
  const { start, steps, supervisor, ended, store } = await workshop();
  const id = await start("hangs", { train: { steps: 300 }, rehearsal: { step_ms: 5, fault: "hang@200" } });
  await steps(id, 200); // enough for its pace to be in the loss log
  supervisor.requestStop(id, true);
  expect(await ended(id)).toMatchObject({ status: "stopped" });
  expect(store.stops.get(id)).toMatchObject({
    saved: null,
    notSaved: expect.stringContaining("no sign of life"),
  });
});

test("a trainer that is slow, but not slower than it always was, is waited for", async () => {
  const { start, steps, supervisor, ended, store } = await workshop();
  // Steps take longer than `saveMs`; five of them would not.
  const id = await start("slow", { train: { steps: 1_000 }, rehearsal: { step_ms: 700 } });
  await steps(id, 3); // the first of a run is not timed
  supervisor.requestStop(id, true);
  expect(await ended(id)).toMatchObject({ status: "stopped" });
  expect(store.stops.get(id)?.saved).toMatchObject({ step: expect.any(Number) });
});

test("a stop whose driver has died is taken up by another agent, with the save it had asked for", async () => {
  const { start, steps, supervisor, ended, store } = await workshop();
  const id = await start("orphaned", ENDLESS);
  await steps(id, 2);
  const dying = spawn("cat");
  const driver = await identify(dying.pid ?? 0);
  dying.stdin.end();
  await once(dying, "exit");
  store.requestStop(id, new Date().toISOString(), true, driver);
  await supervisor.look();
  expect(await ended(id)).toMatchObject({ status: "stopped" });
  expect(store.stops.get(id)?.saved).toMatchObject({ step: expect.any(Number) });
});

test("a stop that another living agent drives is left to it", async () => {
  const { start, steps, supervisor, get, store, report } = await workshop();
  const id = await start("driven", ENDLESS);
  await steps(id, 2);
  store.requestStop(id, new Date().toISOString(), false, await identify(process.ppid));
  await supervisor.look();
  await supervisor.look();
  expect(get(id)).toMatchObject({ status: "running" });
  expect(report(id)).toMatchObject({ status: "running" });
});

test("a trainer that lost its shim runs on, is stopped as ever, and nothing of it is left", async () => {
  const { start, steps, supervisor, ended, get, logOf } = await workshop();
  const id = await start("bare", ENDLESS);
  await steps(id, 2);
  const shim = processOf(get(id));
  if (!shim) throw new Error("it has no process");
  process.kill(shim.pid, "SIGKILL");
  await vi.waitFor(async () => expect(await sessionMembers(shim)).not.toContain(shim.pid), PATIENCE);
  await supervisor.look();
  expect(get(id)).toMatchObject({ status: "running" });
  supervisor.requestStop(id, false);
  expect(await ended(id)).toMatchObject({ status: "stopped", exit_code: null, reason: "Stopped on request" });
  expect(await logOf(id)).toContain("Job stopped");
  expect(await sessionMembers(shim)).toEqual([]);
});
