import { cp, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FolderFactsCache } from "./folder-facts.ts";
import { RunFolders } from "./run-folders.ts";

const LORA = join(import.meta.dirname, "../models/fixtures/tiny_run_v1_000000005.safetensors");
const LOSS = join(import.meta.dirname, "../training/fixtures/tiny_run_v1/loss_log.db");
const WRITTEN = join(import.meta.dirname, "../../rehearsal/fixtures/written-config.yaml");

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "output-"));
});
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, content: string | Buffer = ""): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}
/** The real LoRA with another step in its header, of the same length. */
async function putLora(path: string, step: number): Promise<void> {
  const bytes = await readFile(LORA);
  const text = bytes.toString("latin1").replace('\\"step\\": 5', `\\"step\\": ${step}`);
  await put(path, Buffer.from(text, "latin1"));
}
async function putConfig(folder: string, changes: (text: string) => string = (text) => text): Promise<void> {
  await put(join(folder, "config.yaml"), changes(await readFile(WRITTEN, "utf8")));
}
/** As if nothing had been written to it for a minute. */
async function settle(...paths: string[]): Promise<void> {
  const past = new Date(Date.now() - 60_000);
  for (const path of paths) await utimes(join(root, path), past, past);
}

const nobody = () => false;
const folders = () => new RunFolders([{ name: "output", path: root }]);
const keys = async (found = folders()) => (await found.list(nobody)).map(({ key }) => key).sort();
const facts = (folder: string) => new FolderFactsCache("/").get(join(root, folder));

test("what a training has left is a run, and nothing else is", async () => {
  await cp(LOSS, join(root, "logged/loss_log.db"), { recursive: true });
  await put("lora/lora_000000250.safetensors");
  await put("final/final.safetensors");
  await mkdir(join(root, "tuned/tuned_000000100"), { recursive: true });
  await put("sampled/config.yaml");
  await mkdir(join(root, "sampled/samples"));
  await put("sorted/people/anna/anna.safetensors");
  await put("downloads/some_lora.safetensors");
  await put("empty/config.yaml");
  await put("notes/readme.txt");
  await put(".hidden/.hidden.safetensors");
  expect(await keys()).toEqual([
    "output/final",
    "output/logged",
    "output/lora",
    "output/sampled",
    "output/sorted/people/anna",
    "output/tuned",
  ]);
});

test("links are not followed, and a root that is a link to another counts once", async () => {
  await put("real/a/a.safetensors");
  await symlink(join(root, "real/a"), join(root, "real/b"));
  await symlink(join(root, "real"), join(root, "other"));
  const both = new RunFolders([
    { name: "output", path: join(root, "real") },
    { name: "outputs", path: join(root, "other") },
    { name: "gone", path: join(root, "gone") },
  ]);
  expect(await keys(both)).toEqual(["output/a"]);
});

test("our own folders are left out, and changes are seen", async () => {
  await put("mine/mine.safetensors");
  await put("theirs/x");
  await settle("mine", "theirs");
  const found = folders();
  const list = async () => (await found.list((path) => path === join(root, "mine"))).map(({ key }) => key);
  expect(await list()).toEqual([]);
  await put("theirs/theirs.safetensors");
  expect(await list()).toEqual(["output/theirs"]);
  await rm(join(root, "theirs"), { recursive: true });
  expect(await list()).toEqual([]);
});

test("a final file with all its steps is a finished run", async () => {
  await putConfig("run", (text) => text.replaceAll("tiny_run_v1", "run").replace("steps: 12", "steps: 5"));
  await putLora("run/run.safetensors", 5);
  expect(await facts("run")).toMatchObject({
    name: "run",
    step: 5,
    totalSteps: 5,
    isRehearsal: false,
    ending: { status: "completed", reason: null },
  });
});

test("a final file of an earlier session does not finish a longer one", async () => {
  await putConfig("run", (text) => text.replaceAll("tiny_run_v1", "run").replace("steps: 12", "steps: 9"));
  await putLora("run/run.safetensors", 5);
  await settle("run/run.safetensors"); // else both may be of the same tick of the clock
  await putLora("run/run_000000007.safetensors", 7);
  expect(await facts("run")).toMatchObject({
    step: 7,
    ending: { status: "stopped", reason: "It goes no further than step 7 of 9; how it ended is not known" },
  });
});

test("without a config the files themselves tell what they can", async () => {
  await putLora("run/run_000000005.safetensors", 5);
  expect(await facts("run")).toMatchObject({ name: "run", step: 5, totalSteps: null, datasetFolders: [] });
  await put("cut/cut.safetensors", (await readFile(LORA)).subarray(0, 900));
  expect(await facts("cut")).toMatchObject({ step: null, ending: { status: "stopped" } });
});

test("the log tells of an error, of a stop, and not of those of an earlier session", async () => {
  const error = "# Running job: run\nError running job: CUDA out of memory. Tried to allocate 2.00 GiB\n";
  await put("run/run_000000005.safetensors");
  await put("run/log.txt", error);
  expect((await facts("run")).ending).toMatchObject({
    status: "failed",
    reason: expect.stringContaining("memory"),
  });
  await put("run/log.txt", `${error}# Running job: run\nJob stopped\n`);
  expect((await facts("run")).ending).toMatchObject({
    status: "stopped",
    reason: expect.stringContaining("Stopped"),
  });
  await put("run/log.txt", `${error}# Running job: run\n`);
  expect((await facts("run")).ending).toMatchObject({
    status: "stopped",
    reason: expect.stringContaining("not known"),
  });
});

test("a log or a config that is a link to elsewhere is not read", async () => {
  await put("secret.txt", "Error running job: the secret");
  await put("run/run.safetensors");
  await symlink(join(root, "secret.txt"), join(root, "run/log.txt"));
  await symlink(WRITTEN, join(root, "run/config.yaml"));
  expect(await facts("run")).toMatchObject({
    totalSteps: null,
    ending: { reason: expect.not.stringContaining("secret") },
  });
});

test("dates come from within the files, which a copy does not change", async () => {
  await cp(dirname(LOSS), join(root, "tiny_run_v1"), { recursive: true });
  const { startedMs, endedMs, step } = await facts("tiny_run_v1");
  expect(step).toBe(12);
  expect(Number(endedMs) - Number(startedMs)).toBeLessThan(120_000);
  expect(Math.abs(Number(endedMs) - Date.now())).toBeGreaterThan(60_000);
});

test("facts are found out once, and again when a file is overwritten in its place", async () => {
  await putLora("run/run.safetensors", 5);
  await settle("run/run.safetensors", "run");
  const cache = new FolderFactsCache("/");
  const first = await cache.get(join(root, "run"));
  expect(await cache.get(join(root, "run"))).toBe(first);
  await putLora("run/run.safetensors", 6);
  await settle("run/run.safetensors", "run");
  expect(await cache.get(join(root, "run"))).toMatchObject({ step: 6 });
});
