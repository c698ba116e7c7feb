import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SILENT } from "../../../shared/log.ts";
import { GpuWatch } from "../../gpus/gpu-watch.ts";
import { jobFolder, prepareJobFolder } from "./job-folder.ts";
import { type Job, JobStore } from "./job-store.ts";
import { Supervisor } from "./supervisor.ts";

const PATIENCE = { timeout: 20_000, interval: 50 };

let root: string;
let store: JobStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "supervisor-"));
  await mkdir(join(root, "jobs"));
  store = new JobStore(join(root, "agent.db"));
});
afterEach(async () => {
  store[Symbol.dispose]();
  await rm(root, { recursive: true });
});

/** Of a process that never was. */
const NOBODY = { pid: 1, startTicks: -1, bootId: null };
const output = (name: string) => join(root, "output", name);

/** @returns the folder of the new job */
async function queued(name: string, folderName = name): Promise<string> {
  await mkdir(output(folderName), { recursive: true });
  const folder = jobFolder(join(root, "jobs"), name);
  await prepareJobFolder(folder, name, {});
  store.add({
    id: name,
    config: name,
    name,
    trainer: "ai-toolkit",
    total_steps: 10,
    output_folder: output(folderName),
    dataset_folders: [],
    created_at: new Date().toISOString(),
  });
  return folder.path;
}

/** A job whose trainer has ended, which nobody has noticed yet. */
async function endedRun(name: string): Promise<void> {
  const at = new Date().toISOString();
  const path = await queued(name);
  await writeFile(join(path, "exit"), "0");
  store.claimNext(
    NOBODY,
    at,
    ([first]) => first && { id: first.id, gpu: { gpu_uuid: null, gpu_index: null, gpu_name: null } },
  );
  store.launched(name, NOBODY);
}

const noGpus = () => new GpuWatch({ environment: { CUDA_VISIBLE_DEVICES: "" } });
const supervise = (ended: (job: Job) => Promise<void> = async () => {}, gpus = noGpus()) =>
  new Supervisor({
    store,
    jobsPath: join(root, "jobs"),
    trainer: () => Promise.reject(new Error("nothing is started here")),
    gpus,
    log: SILENT,
    ended,
  });

test("a run that cannot be looked at keeps nobody from looking after the others", async () => {
  await endedRun("first");
  await endedRun("second");
  const exit = join(root, "jobs/first/exit");
  await rm(exit);
  await mkdir(exit); // whatever it may be that is wrong with it
  const supervisor = supervise();
  const isOver = (id: string) =>
    vi.waitFor(() => expect(store.get(id)?.status).not.toBe("running"), PATIENCE);
  await supervisor.look();
  expect(supervisor.lastError).toContain("looking after first: EISDIR");
  await isOver("second");
  expect(store.get("first")?.status).toBe("running");
  await rm(exit, { recursive: true });
  await writeFile(exit, "0");
  await supervisor.look();
  await isOver("first");
  await supervisor[Symbol.asyncDispose]();
});

test("while one run's end is dealt with the next one starts, but not into its folder", async () => {
  await endedRun("first");
  const told = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const gpus = noGpus();
  await gpus.refresh();
  const supervisor = supervise(() => {
    told.resolve();
    return goOn.promise;
  }, gpus);
  const running = supervisor.look();
  await told.promise;
  await running;
  await queued("again", "first");
  await queued("second");
  // Nothing can be launched here: that it was tried is what shows.
  await vi.waitFor(async () => {
    await gpus.refresh();
    await supervisor.look();
    expect(store.get("second")).toMatchObject({ status: "failed" });
  }, PATIENCE);
  expect(store.get("again")?.status).toBe("pending");
  goOn.resolve();
  await vi.waitFor(async () => {
    await gpus.refresh();
    await supervisor.look();
    expect(store.get("again")?.status).toBe("failed");
  }, PATIENCE);
  await supervisor[Symbol.asyncDispose]();
});

test("what another agent has ended meanwhile is over: the next run in its folder is left alone", async () => {
  await endedRun("first");
  await endedRun("second");
  const half = "second_000000005.safetensors";
  const told: string[] = [];
  // While this agent is busy with the end of the first, another one ends the second, and its folder gets a new run.
  const supervisor = supervise(async ({ id }) => {
    told.push(id);
    const finished_at = new Date().toISOString();
    const ending = { status: "stopped", exit_code: 0, final_step: 3, reason: null, hint: null } as const;
    store.finish("second", { ...ending, finished_at });
    await writeFile(join(output("second"), half), "a checkpoint that is being written");
  });
  await supervisor.start();
  await supervisor[Symbol.asyncDispose]();
  expect(told).toEqual(["first"]);
  expect(await readdir(output("second"))).toEqual([half]);
  expect(store.get("second")).toMatchObject({ status: "stopped", final_step: 3 });
});
