// What the trainings of others hold on to, through the real program: what they read and write is not deleted under them.
import { randomUUID } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { zip } from "./archives.ts";
import { newDataFolder, type Program, startProgram } from "./program.ts";
import { type RunPy, startRunPy } from "./run-py.ts";
import { picturePath, putDataset, type Subject, subjectOf } from "./subject.ts";
import { putWebUi, type WebUi } from "./web-ui.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PATIENCE = { timeout: 20_000, interval: 50 };
const MODEL = join(import.meta.dirname, "../tools/models/fixtures/tiny_run_v1_000000005.safetensors");
const isLinux = process.platform === "linux";

/** Other tests on this machine have jobs and processes, too. */
const ROW = randomUUID();

let data: string;
let program: Program;
let subject: Subject;
let ui: WebUi;

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
  for (const name of ["output", "datasets", "aitk_db.db", "aitk_db.db-wal", "aitk_db.db-shm"])
    await rm(join(data, name), { recursive: true, force: true });
  for (const name of ["output", "datasets"]) await mkdir(join(data, name));
  ui = await putWebUi(data);
  await putDataset(subject.paths, "cats");
});

const configOf = (name: string, dataset = join(data, "datasets/cats")) => ({
  job: "extension",
  config: {
    name,
    process: [
      {
        type: "diffusion_trainer",
        training_folder: join(data, "output"),
        train: { steps: 400 },
        datasets: [{ folder_path: dataset }],
      },
    ],
  },
});

async function trainer(config: string, jobId?: string): Promise<RunPy> {
  const running = await startRunPy({ toolkit: data, config, ...(jobId !== undefined && { jobId }) });
  onTestFinished(() => running.kill());
  return running;
}

/** A job of the web UI on the data set cats, its process and a checkpoint. */
async function uiJob(): Promise<RunPy> {
  const config = await ui.putJob("tabby", configOf("tabby"));
  const running = await trainer(config, ROW);
  const job_config = JSON.stringify(configOf("tabby"));
  ui.add({ id: ROW, name: "tabby", status: "running", info: "Training", pid: running.pid, job_config });
  await cp(MODEL, join(data, "output/tabby/tabby_000000005.safetensors"));
  return running;
}

const conflict = (error: RegExp, hint: RegExp) => ({
  code: "conflict",
  error: expect.stringMatching(error),
  hint: expect.stringMatching(hint),
});

async function refused(tool: string, input: object, answer: object): Promise<void> {
  expect(await subject.execute(tool, input), tool).toMatchObject(answer);
}

test.runIf(isLinux)("what a job of the web UI reads and writes stays while it runs", async () => {
  const { pid, kill } = await uiJob();
  const whose = `the ai-toolkit web UI's job 'tabby' \\(pid ${pid}\\)`;
  const where = /^Stop it in the ai-toolkit web UI or wait/;
  await refused(
    "delete_dataset",
    { name: "cats" },
    conflict(new RegExp(`^The dataset cats is used by ${whose}$`), where),
  );
  const model = { name: "tabby_000000005" };
  await refused("delete_model", model, conflict(new RegExp(`lies in the output folder of ${whose}$`), where));
  const captions = [{ image: "img1.jpg", caption: "a dog" }];
  const force = /force: true/;
  await refused("set_captions", { name: "cats", captions }, conflict(new RegExp(whose), force));
  const replace = { name: "cats", append: ", purring", dry_run: false };
  await refused("replace_in_captions", replace, conflict(new RegExp(whose), force));
  const images = [{ filename: "img1.jpg", data: await readFile(picturePath("img1.jpg"), "base64") }];
  const upload = { dataset_name: "cats", images, overwrite: true };
  await refused("upload_dataset", upload, conflict(new RegExp(whose), /without overwrite/));

  expect(await subject.execute("set_captions", { name: "cats", captions, force: true })).toMatchObject({
    success: true,
  });
  const another = { ...upload, images: [{ ...images[0], filename: "another.jpg" }], overwrite: false };
  expect(await subject.execute("upload_dataset", another)).toMatchObject({ success: true });
  await kill();
  ui.update(ROW, { status: "stopped", info: "Job stopped" });
  await subject.call("upload_dataset", upload);
  await subject.call("delete_model", model);
  await subject.call("delete_dataset", { name: "cats" });
});

test.runIf(isLinux)("a data set that somebody trains on is not replaced by an upload either", async () => {
  const { pid, kill } = await uiJob();
  const link = await subject.call("create_upload_link", { name: "cats", on_conflict: "replace" });
  const archive = zip([{ name: "new.jpg", data: await readFile(picturePath("img1.jpg")) }]);
  const send = async () => {
    const answer = await fetch(String(link["url"]), { method: "PUT", body: new Uint8Array(archive) });
    return { status: answer.status, text: await answer.text() };
  };
  expect(await send()).toMatchObject({
    status: 409,
    text: expect.stringMatching(new RegExp(`is used by the ai-toolkit web UI's job 'tabby' .pid ${pid}.`)),
  });
  expect(await readdir(join(data, "datasets/cats"))).toContain("img1.jpg");
  await kill();
});

test.runIf(isLinux)("what somebody trains on in a shell stays, also before its folder is made", async () => {
  await symlink(join(data, "datasets"), join(data, "elsewhere"));
  onTestFinished(() => rm(join(data, "elsewhere")));
  const own = join(data, "own.json");
  // As such a config may name it: by a link, and from the toolkit's folder.
  await writeFile(own, JSON.stringify(configOf("shell", "elsewhere/cats")));
  const { pid, kill } = await trainer(own);
  const whose = new RegExp(`used by ai-toolkit with own\\.json \\(pid ${pid}\\)$`);
  await refused("delete_dataset", { name: "cats" }, conflict(whose, /^Stop it where it was started or wait/));
  await kill();
  await subject.call("delete_dataset", { name: "cats" });
});

test("what a job in the web UI's queue will train on stays", async () => {
  const job_config = JSON.stringify(configOf("tabby"));
  ui.add({ id: ROW, name: "tabby", status: "queued", job_config });
  const whose = /used by the ai-toolkit web UI's job 'tabby'$/;
  await refused(
    "delete_dataset",
    { name: "cats" },
    conflict(whose, /^Take it out of the ai-toolkit web UI's queue/),
  );
  ui.update(ROW, { status: "stopped" });
  await subject.call("delete_dataset", { name: "cats" });
});

test.runIf(isLinux)("a model of somebody else's run names that run", async () => {
  await uiJob();
  await mkdir(join(data, "output/old"));
  await cp(MODEL, join(data, "output/old/old_000000005.safetensors"));
  await vi.waitFor(async () => {
    const { jobs } = await subject.call("list_training_jobs");
    const ids = new Map(
      (jobs as { config: string; job_id: string }[]).map((job) => [job.config, job.job_id]),
    );
    expect([...ids.keys()].sort()).toEqual(["old", "tabby"]);
    expect((await subject.call("list_exported_models"))["models"]).toMatchObject([
      { name: "old_000000005", job_id: ids.get("old") },
      { name: "tabby_000000005", job_id: ids.get("tabby") },
    ]);
  }, PATIENCE);
});
