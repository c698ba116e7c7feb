import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SILENT } from "../../../shared/log.ts";
import { GpuWatch } from "../../gpus/gpu-watch.ts";
import { jobFolder, prepareJobFolder } from "./job-folder.ts";
import { type Job, JobStore } from "./job-store.ts";
import { Supervisor } from "./supervisor.ts";

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

/** A job whose trainer has ended, which nobody has noticed yet. */
async function endedRun(name: string): Promise<void> {
  const at = new Date().toISOString();
  await mkdir(output(name), { recursive: true });
  const folder = jobFolder(join(root, "jobs"), name);
  await prepareJobFolder(folder, name, {});
  await writeFile(join(folder.path, "exit"), "0");
  store.add({
    id: name,
    config: name,
    name,
    trainer: "ai-toolkit",
    total_steps: 10,
    output_folder: output(name),
    dataset_folders: [],
    created_at: at,
  });
  store.claimNext(
    NOBODY,
    at,
    ([first]) => first && { id: first.id, gpu: { gpu_uuid: null, gpu_index: null, gpu_name: null } },
  );
  store.launched(name, NOBODY);
}

const supervise = (ended: (job: Job) => Promise<void> = async () => {}) =>
  new Supervisor({
    store,
    jobsPath: join(root, "jobs"),
    trainer: () => Promise.reject(new Error("nothing is started here")),
    gpus: new GpuWatch({ environment: { CUDA_VISIBLE_DEVICES: "" } }),
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
  await supervisor.look();
  expect(supervisor.lastError).toContain("looking after first: EISDIR");
  expect(store.get("first")?.status).toBe("running");
  expect(store.get("second")?.status).not.toBe("running");
  await rm(exit, { recursive: true });
  await writeFile(exit, "0");
  await supervisor.look();
  expect(store.get("first")?.status).not.toBe("running");
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
  await supervisor.look();
  await supervisor[Symbol.asyncDispose]();
  expect(told).toEqual(["first"]);
  expect(await readdir(output("second"))).toEqual([half]);
  expect(store.get("second")).toMatchObject({ status: "stopped", final_step: 3 });
});
