// Runs that others have started on the machine, through the real program: folders of years, and ai-toolkit's web UI at
// work beside us. What plays its trainer is a real process with the command line of the real one.
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { pretendNvidiaSmi } from "./nvidia-smi.ts";
import { newDataFolder, type Program, startProgram } from "./program.ts";
import { type RunPy, startRunPy } from "./run-py.ts";
import { putRun, type Subject, subjectOf } from "./subject.ts";
import { putWebUi, type WebUi } from "./web-ui.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PATIENCE = { timeout: 20_000, interval: 50 };
const FIXTURES = join(import.meta.dirname, "../tools");
const isLinux = process.platform === "linux";

let data: string;
let program: Program;
let subject: Subject;
let ui: WebUi;

/** As the real trainer left it: two checkpoints of the header's step 5 and 12, curves, samples and the config. */
async function putOldRun(name: string): Promise<string> {
  const folder = join(data, "output", name);
  await cp(join(FIXTURES, "training/fixtures/tiny_run_v1"), folder, { recursive: true });
  const config = await readFile(join(FIXTURES, "../rehearsal/fixtures/written-config.yaml"), "utf8");
  await writeFile(join(folder, "config.yaml"), config);
  await cp(
    join(FIXTURES, "models/fixtures/tiny_run_v1_000000005.safetensors"),
    join(folder, "tiny_run_v1_000000005.safetensors"),
  );
  await mkdir(join(folder, "samples"), { recursive: true });
  const picture = join(FIXTURES, "../rehearsal/fixtures/dataset/img1.jpg");
  for (const step of ["000000000", "000000005"])
    await cp(picture, join(folder, "samples", `1795363939300__${step}_0.jpg`));
  return folder;
}

const configOf = (name: string, steps = 400) => ({
  job: "extension",
  config: {
    name,
    process: [
      { type: "diffusion_trainer", training_folder: join(data, "output"), train: { steps }, datasets: [] },
    ],
  },
});

type Row = Record<string, unknown>;
async function listed(filter: Row = {}): Promise<Row[]> {
  return (await subject.call("list_training_jobs", filter))["jobs"] as Row[];
}
/** A look at the machine may be a second old. */
const named = (config: string, wanted: Row = {}) =>
  vi.waitFor(async () => {
    const row = (await listed()).find((each) => each["config"] === config);
    if (!row) throw new Error(`${config} is not listed`);
    expect(row).toMatchObject(wanted);
    return row;
  }, PATIENCE);
const idOf = async (config: string) => String((await named(config))["job_id"]);

/** Waits for the good end of a job of ours. */
const ended = (job_id: string) =>
  vi.waitFor(
    async () =>
      expect(await subject.call("get_training_status", { job_id })).toMatchObject({ status: "completed" }),
    PATIENCE,
  );

/** What lies in a folder and when it was changed. */
async function traces(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const all = await Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs, ctimeMs } = await stat(join(folder, name));
      return [name, size, mtimeMs, ctimeMs];
    }),
  );
  return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}

beforeAll(async () => {
  data = await newDataFolder();
  program = await startProgram({ data });
  subject = subjectOf({ ...program, data });
});
afterAll(async () => {
  await program.close();
  await rm(data, { recursive: true });
});
beforeEach(async () => {
  for (const name of ["output", "outputs", "aitk_db.db", "aitk_db.db-wal", "aitk_db.db-shm"])
    await rm(join(data, name), { recursive: true, force: true });
  await mkdir(join(data, "output"));
  ui = await putWebUi(data);
});

async function trainer(config: string, jobId?: string): Promise<RunPy> {
  const running = await startRunPy({ toolkit: data, config, ...(jobId !== undefined && { jobId }) });
  onTestFinished(() => running.kill());
  return running;
}

test("a folder of an old run is a run in every tool that looks, and nothing in it is touched", async () => {
  const folder = await putOldRun("tiny_run_v1");
  const before = await traces(folder);
  const row = await named("tiny_run_v1");
  const job_id = String(row["job_id"]);
  expect(row).toMatchObject({
    origin: "folder",
    config: "tiny_run_v1",
    status: "stopped",
    reason: "It goes no further than step 12 of 12; how it ended is not known",
    phase: "ended",
    step: 12,
    total_steps: 12,
    exit_code: null,
    queue_position: null,
    gpu: null,
  });
  expect(job_id).toMatch(/^folder-[0-9a-f]{16}$/);
  const { call, execute } = subject;
  expect(await call("get_training_status", { job_id })).toMatchObject({
    origin: "folder",
    status: "stopped",
    last_checkpoint: { name: "tiny_run_v1_000000005.safetensors", step: 5 },
    samples: 2,
    last_samples: { step: 5 },
    loss_stats: { min: { value: expect.any(Number) } },
    pid: null,
    next_poll_seconds: null,
  });
  expect(await call("wait_for_training", { job_id })).toMatchObject({ ended: true });
  expect(await call("get_training_logs", { job_id })).toMatchObject({ logs: [], log_path: null });
  const record = await call("get_run_record", { job_id });
  expect(record).toMatchObject({
    origin: "folder",
    step: 12,
    seconds_per_step: expect.any(Number),
    loss: { last: expect.any(Number) },
    checkpoints: [{ name: "tiny_run_v1_000000005.safetensors", step: 5, exists: true }],
    samples: { count: 2, steps: [0, 5] },
    run_config: { config: { name: "tiny_run_v1" } },
  });
  expect(Number(record["duration_seconds"])).toBeGreaterThan(0);
  expect((await execute("get_training_metrics", { job_id })).json).toMatchObject({
    series: expect.arrayContaining([expect.objectContaining({ key: "loss/loss", logged: 11 })]),
  });
  expect((await execute("get_training_samples", { job_id })).json).toMatchObject({ all_steps: [0, 5] });
  expect(await call("get_training_info")).toMatchObject({ active_jobs: 0, total_jobs: 1 });
  expect(await traces(folder)).toBe(before);
});

test("a found run keeps its id over a restart, and an id that was not given leads nowhere", async () => {
  await putOldRun("tiny_run_v1");
  const job_id = await idOf("tiny_run_v1");
  await program.stop();
  program = await startProgram({ data });
  subject = subjectOf({ ...program, data });
  expect(await idOf("tiny_run_v1")).toBe(job_id);
  for (const wrong of ["folder-0123456789abcdef", "folder-../../etc", "output/tiny_run_v1"]) {
    expect(await subject.execute("get_training_logs", { job_id: wrong })).toMatchObject({
      code: "not_found",
    });
  }
});

test("two old runs are compared, one of them sorted into a folder", async () => {
  await putOldRun("tiny_run_v1");
  await cp(await putOldRun("other"), join(data, "outputs", "people", "other"), { recursive: true });
  await rm(join(data, "output/other"), { recursive: true });
  const job_ids = [await idOf("tiny_run_v1"), await idOf("people/other")];
  expect((await subject.execute("compare_runs", { job_ids })).json).toMatchObject({
    runs: [
      { run: "tiny_run_v1", origin: "folder" },
      { run: "people/other", origin: "folder" },
    ],
    config_differences: {},
    loss_at_equal_steps: { rows: expect.arrayContaining([expect.anything()]) },
  });
});

test("what can only be done where a run was started is refused, and it is said where", async () => {
  await putOldRun("tiny_run_v1");
  ui.add({ id: "row-1", name: "cats", status: "queued", job_config: JSON.stringify(configOf("cats")) });
  for (const [config, hint] of [
    ["tiny_run_v1", /start_training with a configuration of its name and resume: true/],
    ["cats", /in the ai-toolkit web UI, in its job 'cats'/],
  ] as const) {
    const job_id = await idOf(config);
    for (const [tool, more] of [
      ["stop_training", {}],
      ["save_checkpoint_now", {}],
      ["sample_now", {}],
      ["update_queue", { action: "hold" }],
    ] as const) {
      const refused = await subject.execute(tool, { job_id, ...more });
      expect(refused, tool).toMatchObject({ code: "conflict", hint: expect.stringMatching(hint) });
    }
  }
});

test.runIf(isLinux)("a job of the web UI and its folder are one run, from its queue to its end", async () => {
  ui.add({ id: "row-1", name: "cats", status: "queued", job_config: JSON.stringify(configOf("cats")) });
  ui.run("INSERT INTO Queue (gpu_ids, is_running) VALUES ('0', 0)");
  const job_id = await idOf("cats");
  const status = () => subject.call("get_training_status", { job_id });
  expect(await status()).toMatchObject({
    origin: "web-ui",
    status: "pending",
    phase: "queued",
    total_steps: 400,
    waiting_for: expect.stringContaining("switched off"),
  });

  const config = await ui.putJob(
    "cats",
    configOf("cats"),
    "cats:  10%|#  | 40/400 [00:40<06:00,  1.00s/it]\n",
  );
  const { pid, kill } = await trainer(config, "row-1");
  ui.update("row-1", { status: "running", info: "Training", step: 41, pid });
  await vi.waitFor(
    async () => expect(await status()).toMatchObject({ status: "running", phase: "training", step: 41, pid }),
    PATIENCE,
  );
  expect(await listed()).toHaveLength(1);
  expect(await listed({ status: "running" })).toMatchObject([{ job_id }]);
  expect(await subject.call("get_training_info")).toMatchObject({ active_jobs: 1 });
  expect(await subject.call("get_training_logs", { job_id })).toMatchObject({
    logs: [expect.stringContaining("40/400")],
  });
  expect(await subject.call("wait_for_training", { job_id, seconds: 1 })).toMatchObject({ ended: false });

  ui.update("row-1", { stop: 1, info: "Stopping job..." });
  await vi.waitFor(async () => expect(await status()).toMatchObject({ phase: "stopping" }), PATIENCE);
  // The UI says "stopped" before the process has stopped.
  ui.update("row-1", { status: "stopped", info: "Job stopped" });
  await vi.waitFor(
    async () => expect(await status()).toMatchObject({ status: "running", info: "Job stopped" }),
    PATIENCE,
  );
  await kill();
  await vi.waitFor(
    async () =>
      expect(await status()).toMatchObject({
        status: "stopped",
        phase: "ended",
        step: 41,
        reason: "Stopped in the ai-toolkit web UI",
      }),
    PATIENCE,
  );
});

test.runIf(isLinux)("a folder is running only while somebody's process is seen to write it", async () => {
  await putOldRun("tiny_run_v1");
  await named("tiny_run_v1", { status: "stopped", phase: "ended" });
  const own = join(data, "tiny.json");
  await writeFile(own, JSON.stringify(configOf("tiny_run_v1")));
  const { pid, kill } = await trainer(own);
  const row = await named("tiny_run_v1", { status: "running", phase: "starting", origin: "folder" });
  expect(Math.abs(Date.parse(String(row["started_at"])) - Date.now())).toBeLessThan(60_000);
  const job_id = row["job_id"];
  expect(await subject.call("get_training_status", { job_id })).toMatchObject({ pid, eta_seconds: null });
  expect(await subject.execute("stop_training", { job_id })).toMatchObject({
    code: "conflict",
    hint: expect.stringContaining(`its process is ${pid}`),
  });
  await kill();
  await named("tiny_run_v1", { job_id, status: "stopped", phase: "ended" });
});

test.runIf(isLinux)("a row that says running is not believed without its process", async () => {
  const config = await ui.putJob("cats", configOf("cats"));
  const { pid, kill } = await trainer(config, "row-1");
  const row = { status: "running", info: "Training", step: 7, job_config: JSON.stringify(configOf("cats")) };
  ui.add({ id: "row-1", name: "cats", ...row, pid });
  // Its number belongs to somebody else by now: this very process.
  ui.add({ id: "row-2", name: "dogs", ...row, pid: process.pid });
  await named("cats", { status: "running" });
  await named("dogs", { status: "failed", reason: expect.stringMatching(/^Lost/) });
  await kill();
  await named("cats", { status: "failed", step: 7, reason: expect.stringMatching(/^Lost/) });
});

test("rows that have ended are told as they ended, and captioning is no training", async () => {
  const job_config = JSON.stringify(configOf("x"));
  ui.add({ id: "1", name: "never", status: "stopped", job_config });
  ui.add({ id: "2", name: "done", status: "completed", info: "Training completed", step: 400, job_config });
  const oom = "CUDA out of memory. Tried to allocate 2.00 GiB";
  ui.add({ id: "3", name: "broken", status: "error", info: oom, step: 100, job_config });
  ui.add({ id: "4", name: "captions", status: "running", job_type: "caption" });
  ui.add({ id: "5", name: "../../etc", status: "completed", job_config });
  await ui.putJob("done", configOf("done"), "x");
  await ui.putJob("broken", configOf("broken"), "x");
  await named("never", {
    status: "stopped",
    step: null,
    reason: expect.stringContaining("not started yet"),
  });
  await named("done", { status: "completed", step: 400, reason: null });
  await named("broken", {
    status: "failed",
    step: 100,
    reason: expect.stringContaining("Tried to allocate"),
  });
  await named("../../etc", { status: "completed", step: null });
  expect((await listed()).map(({ config }) => config).sort()).toEqual([
    "../../etc",
    "broken",
    "done",
    "never",
  ]);
  expect(await listed({ status: "failed" })).toMatchObject([{ config: "broken" }]);
});

test("a folder that one of our jobs uses is listed once, as ours", async () => {
  await putRun(subject.paths, "mine");
  const { job_id } = await subject.call("start_training", { config_name: "mine" });
  await ended(String(job_id));
  ui.add({ id: "row-1", name: "mine", status: "completed" });
  expect((await listed()).filter(({ config }) => config === "mine")).toMatchObject([
    { job_id, origin: "agent" },
  ]);
  const { jobs, total } = await subject.call("list_training_jobs", { limit: 1 });
  expect([jobs, total]).toMatchObject([[{ origin: "agent" }], 1]);
});

test.runIf(isLinux)("a training is not started into a folder that somebody writes to", async () => {
  const config = await ui.putJob("busy", configOf("busy"));
  ui.add({ id: "row-1", name: "busy", status: "queued", job_config: JSON.stringify(configOf("busy")) });
  await putRun(subject.paths, "busy");
  const start = () => subject.execute("start_training", { config_name: "busy" });
  expect(await start()).toMatchObject({
    code: "conflict",
    error: expect.stringMatching(/job 'busy' waits to write/),
  });
  const { pid, kill } = await trainer(config, "row-1");
  ui.update("row-1", { status: "running", info: "Training", pid });
  const refused = await subject.execute("start_training", { config_name: "busy", force: true });
  expect(refused).toMatchObject({
    code: "conflict",
    error: expect.stringMatching(
      new RegExp(`web UI's job 'busy' \\(pid ${pid}\\) is writing to .*output/busy just now`),
    ),
  });
  await kill();
  ui.update("row-1", { status: "stopped", info: "Job stopped" });

  // The same of somebody in a shell, whom no database knows.
  const own = join(data, "config/busy.yaml");
  const shell = await trainer(own);
  expect(await start()).toMatchObject({
    error: expect.stringMatching(/ai-toolkit with busy\.yaml .* is writing/),
  });
  await shell.kill();
  const { json } = await start();
  await ended(String(json?.["job_id"]));
});

test.runIf(isLinux)("a job that waited goes on waiting while somebody writes to its folder", async () => {
  await putRun(subject.paths, "late");
  const started = await subject.call("start_training", { config_name: "late", force: true, hold: true });
  const job_id = String(started["job_id"]);
  const { pid, kill } = await trainer(join(data, "config/late.yaml"));
  await subject.call("update_queue", { job_id, action: "release" });
  const whose = `ai-toolkit with late\\.yaml \\(pid ${pid}\\) is writing to .*output/late$`;
  const waiting_for = expect.stringMatching(new RegExp(whose));
  const waits = { status: "pending", waiting_for, expected_start: null };
  expect(await subject.call("get_training_status", { job_id })).toMatchObject(waits);
  expect((await subject.call("get_queue"))["waiting"]).toMatchObject([{ job_id, waiting_for }]);
  // It holds up nobody else.
  await putRun(subject.paths, "quick");
  await ended(String((await subject.call("start_training", { config_name: "quick" }))["job_id"]));
  expect(await subject.call("get_training_status", { job_id })).toMatchObject(waits);
  await kill();
  await ended(job_id);
});

test("a database that is locked or broken hides no folder, and it is said what is missing", async () => {
  await putOldRun("tiny_run_v1");
  ui.add({ id: "row-1", name: "cats", status: "completed" });
  await writeFile(ui.path, "this is no database, and it is long enough to look like one");
  for (const end of ["-wal", "-shm"]) await rm(ui.path + end, { force: true });
  const past = new Date(Date.now() - 60_000);
  await utimes(ui.path, past, past);
  await vi.waitFor(async () => {
    const list = await subject.call("list_training_jobs");
    expect(list["warnings"]).toEqual([
      expect.stringMatching(/aitk_db\.db, cannot be read now \(file is not a database\)/),
    ]);
    expect(list["jobs"]).toEqual(
      expect.arrayContaining([expect.objectContaining({ config: "tiny_run_v1" })]),
    );
  }, PATIENCE);
});

test.runIf(isLinux)(
  "a GPU that the web UI trains on is shown as its, and a run of ours waits for it",
  async () => {
    const smi = await pretendNvidiaSmi({ uuid: "GPU-1" });
    const beside = await newDataFolder();
    const here = await startProgram({ data: beside, env: { PATH: `${smi.folder}:${process.env["PATH"]}` } });
    onTestFinished(async () => {
      await here.close();
      await rm(beside, { recursive: true });
      await smi[Symbol.asyncDispose]();
    });
    const config = await ui.putJob("cats", configOf("cats"));
    const { pid } = await trainer(config, "row-1");
    await smi.setApps({ uuid: "GPU-1", pid, used: 20_000 });
    const { call, paths } = subjectOf({ ...here, data: beside });
    await putRun(paths, "dogs");
    const uses = expect.stringContaining("is used by the ai-toolkit web UI's job 'cats'");
    expect(await call("start_training", { config_name: "dogs" })).toMatchObject({
      state: "queued",
      waiting_for: uses,
    });
    expect(await call("get_queue")).toMatchObject({ gpus: [{ busy_with: uses }] });
  },
);
