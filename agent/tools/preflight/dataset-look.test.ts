import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Dataset } from "../configs/check.ts";
import { controlFoldersOf, lookAtDataset, lookBudget } from "./dataset-look.ts";
import { decodeBudget, decodeSample, sampleOf } from "./decode.ts";

async function folderWith(...names: string[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "look-"));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), "");
  }
  return root;
}

const look = (folder: string, block: object = {}, model: object = {}, budget = lookBudget()) => {
  const dataset: Dataset = {
    label: "Dataset 0",
    block: { ...block },
    process: { at: "", block: { model } },
    folder: join(folder, "set"),
    folderText: "set",
  };
  return lookAtDataset(dataset, folder, budget);
};

test("files are counted as the trainer walks: deep, without what is hidden, without generated controls", async () => {
  const root = await folderWith(
    "set/a.JPG", "set/a.txt", "set/b.png", "set/.c.png", "set/.thumbs/d.png", "set/_controls/a.pose.jpg",
    "set/deep/er/e.webp", "set/deep/er/e.txt", "set/deep/f.gif", "other/g.png",
  ); // biome-ignore format: a list
  await symlink(join(root, "other"), join(root, "set/linked"));
  await symlink(join(root, "other/g.png"), join(root, "set/link.png"));
  expect(await look(root)).toMatchObject({
    files: expect.toSatisfy((files: string[]) => files.length === 4),
    word: "images",
    captionCount: 2,
    nested: [{ folder: "deep/er", files: 1 }],
    isCapped: false,
  });
});

test("videos and sounds are looked for where the model learns of them", async () => {
  const root = await folderWith("set/a.mp4", "set/b.png", "set/c.mp3");
  const filesOf = async (block: object, model: object) => (await look(root, block, model))?.files.length;
  expect(await filesOf({}, {})).toBe(1);
  expect(await filesOf({ num_frames: 41 }, {})).toBe(2);
  expect(await filesOf({}, { arch: "ace_step_15" })).toBe(1);
});

test.each([
  [{ caption_ext: "caption" }, 1],
  [{ caption_ext: ".caption" }, 1],
  [{ caption_type: "caption" }, 0], // the older key gets no dot
  [{ caption_type: ".caption" }, 1],
])("captions may end differently: %j", async (block, captionCount) => {
  expect(await look(await folderWith("set/a.png", "set/a.caption"), block)).toMatchObject({ captionCount });
});

test("a music model's captions are read for their tags", async () => {
  const root = await folderWith("set/a.mp3", "set/a.txt", "set/b.mp3", "set/b.txt");
  await writeFile(join(root, "set/b.txt"), "<CAPTION>calm</CAPTION>");
  expect(await look(root, {}, { arch: "ace_step_15" })).toMatchObject({
    captionCount: 2,
    untagged: ["a.txt"],
  });
  expect(await look(root)).toMatchObject({ untagged: [] });
});

test("more than a limit is not looked at, over all data sets together", async () => {
  const root = await folderWith("set/a.png", "set/b.png", "set/deep/c.png");
  const budget = { entries: 3 };
  expect(await look(root, {}, {}, budget)).toMatchObject({ isCapped: true });
  expect(await look(root, {}, {}, budget)).toMatchObject({ files: [], isCapped: true });
});

test("what is no folder is not looked at", async () => {
  const root = await folderWith("set");
  expect(await look(root)).toBeUndefined();
  await rm(join(root, "set"));
  expect(await look(root)).toBeUndefined();
});

test.each([
  [{ control_path: "a" }, ["a"]],
  [{ control_path: ["a", "b", 3] }, ["a", "b"]],
  [{ control_path: "a", control_path_1: "b", control_path_3: "c", control_path_2: "" }, ["b", "c"]],
  [{ control_path: "" }, []],
  [{}, []],
])("the control folders of %j", (block, folders) => {
  expect(controlFoldersOf({ block })).toEqual(folders);
});

test("a sample is spread evenly", () => {
  expect(sampleOf([0, 1, 2, 3, 4, 5, 6, 7, 8], 3)).toEqual([0, 4, 8]);
  expect(sampleOf([0, 1], 3)).toEqual([0, 1]);
  expect(sampleOf([], 3)).toEqual([]);
});

test("decoding ends when its time is over, and the data sets share it", async () => {
  const root = await folderWith("a.png", "b.png");
  const files = ["a.png", "b.png"].map((name) => join(root, name));
  expect(decodeBudget(6, 1_000)).toEqual({ files: 4, untilMs: 1_400 });
  expect(await decodeSample(files, { files: 4, untilMs: 10 }, () => 9)).toMatchObject({ looked: 2 });
  let clockMs = 9;
  const slow = () => clockMs++; // the first file takes it beyond the end
  expect(await decodeSample(files, { files: 4, untilMs: 9 }, slow)).toMatchObject({ looked: 1 });
});
