import { chmod, copyFile, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { resumePoint } from "./resume-point.ts";

/** Written by ai-toolkit 0.12.26 at step 5, rank 4. */
const LORA = join(import.meta.dirname, "../models/fixtures/tiny_run_v1_000000005.safetensors");
const FACTS = { step: 5, baseModel: "sd_1.5", rank: 4, rehearsal: false, problem: null };

async function folder(name = ""): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "aitk-resume-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, name), { recursive: true });
  return join(root, name);
}

/** Gives it a new ctime, which nothing else but a write can; waits until the file system's clock has moved on. */
async function touch(path: string, than: string): Promise<void> {
  const { stat } = await import("node:fs/promises");
  const before = (await stat(than, { bigint: true })).ctimeNs;
  do await chmod(path, 0o644);
  while ((await stat(path, { bigint: true })).ctimeNs <= before);
}

test("an empty folder, and one that is not there, are begun at step 0", async () => {
  expect(await resumePoint(await folder(), "a")).toBeUndefined();
  expect(await resumePoint("/nonexistent", "a")).toBeUndefined();
});

test("the newest is what changed last, whatever its number and its date say; the step is in its header", async () => {
  const at = await folder();
  const [early, late] = [join(at, "a_000000100.safetensors"), join(at, "a_000000900.safetensors")];
  await copyFile(LORA, late);
  await copyFile(LORA, early);
  await touch(early, late);
  await utimes(late, 4e9, 4e9); // a date of tomorrow; it changes the inode as well …
  await touch(early, late); // … so that the early one has to change once more
  expect(await resumePoint(at, "a")).toEqual({ name: "a_000000100.safetensors", ...FACTS });
  await touch(late, early);
  expect(await resumePoint(at, "a")).toMatchObject({ name: "a_000000900.safetensors", step: 5 });
});

test("anything that begins with the name is taken, and said to be no checkpoint", async () => {
  const at = await folder();
  await copyFile(LORA, join(at, "a.safetensors"));
  await writeFile(join(at, "a notes.txt"), "");
  await touch(join(at, "a notes.txt"), join(at, "a.safetensors"));
  expect(await resumePoint(at, "a")).toMatchObject({
    name: "a notes.txt",
    problem: expect.stringContaining("no checkpoint"),
  });
});

test("a file that was cut off is named with what is wrong", async () => {
  const at = await folder();
  await writeFile(join(at, "a.safetensors"), "");
  expect(await resumePoint(at, "a")).toMatchObject({ step: null, problem: "The file is empty" });
});

test.each(["output_cn", "my_LoRA"])(
  "in a folder called %s nothing is ever resumed, unless the run is called so",
  async (name) => {
    const at = await folder(name);
    await copyFile(LORA, join(at, "a.safetensors"));
    await copyFile(LORA, join(at, `${name}.safetensors`));
    expect(await resumePoint(at, "a")).toBeUndefined();
    expect(await resumePoint(at, name)).toMatchObject({ step: 5 });
  },
);

test.each([
  ["training_info:\n  epoch: 3\n  step: 250\nname: x\n", 250],
  [`name: x\ntraining_info: '{"step": 250, "epoch": 3}'\n`, 250],
  [
    "training_info: !!python/object/apply:collections.OrderedDict\n- - - step\n    - 250\n  - - epoch\n    - 3\n",
    250,
  ],
  ["training_info: {}\nother:\n  step: 7\n", null],
])("the folder of a full fine-tune has its step in aitk_meta.yaml: %j", async (text, step) => {
  const at = await folder();
  await mkdir(join(at, "a_000000250"));
  await writeFile(join(at, "a_000000250", "aitk_meta.yaml"), text);
  expect(await resumePoint(at, "a")).toMatchObject({ name: "a_000000250", step, problem: null });
});

test("a folder that is none of the trainer's is said to be none", async () => {
  const at = await folder();
  await mkdir(join(at, "another"));
  expect(await resumePoint(at, "a")).toMatchObject({ problem: expect.stringContaining("aitk_meta.yaml") });
});
