import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Trash } from "../../files/trash.ts";
import { createFolders, pathsOf } from "../../paths.ts";
import { NOT_IN_USE } from "../../testing/in-use.ts";
import { scratch } from "../../testing/scratch.ts";
import { configHandlers } from "./handlers.ts";

const context = { signal: new AbortController().signal, progress: () => {} };

const WRITTEN_BY_HAND = `# my first LoRA
job: extension
config:
  name: cats # the trigger is below
  process:
    - type: sd_trainer
      training_folder: /out
      network: { type: lora, linear: 16, linear_alpha: 16 }
      train:
        steps: 2000 # enough?
        lr: 1e-4
      datasets: []
      model: { name_or_path: /models/sd15, arch: sd15 }
`;

async function setUp(text = WRITTEN_BY_HAND, file = "cats.yaml") {
  const paths = pathsOf({ data: await scratch() });
  await createFolders(paths);
  const path = join(paths.config, file);
  await mkdir(paths.config, { recursive: true });
  await writeFile(path, text);
  const tools = configHandlers({ paths, inUse: NOT_IN_USE, trash: new Trash(paths.trash), environment: {} });
  const update = (set: Record<string, unknown>, remove: string[] = []) =>
    tools.update_config({ name: "cats", set, remove }, context);
  return { update, read: () => readFile(path, "utf8") };
}

test("a value is changed, and comments and order stay", async () => {
  const { update, read } = await setUp();
  expect(await update({ "train.steps": 3000 })).toMatchObject({
    status: "success",
    changed: [{ path: "config.process.0.train.steps", before: 2000, after: 3000 }],
  });
  expect(await read()).toBe(WRITTEN_BY_HAND.replace("steps: 2000", "steps: 3000"));
});

test.each([
  "config.process[0].train.steps",
  "process[0].train.steps",
  "process.0.train.steps",
  "train.steps",
])("%s is the same place", async (path) => {
  const { update, read } = await setUp();
  expect(await update({ [path]: 3000 })).toMatchObject({
    changed: [{ path: "config.process.0.train.steps", before: 2000, after: 3000 }],
  });
  expect(await read()).toBe(WRITTEN_BY_HAND.replace("steps: 2000", "steps: 3000"));
});

test("new keys and blocks are added, keys removed, and new text is quoted", async () => {
  const { update, read } = await setUp();
  await update({ "sample.prompts": ["a cat: on a mat", "no"], "meta.version": "2" }, ["train.lr"]);
  const text = await read();
  expect(text).toContain('"a cat: on a mat"');
  expect(text).toContain('- "no"');
  expect(text).toMatch(/meta:\n {2}version: "2"/);
  expect(text).not.toContain("lr:");
});

test("a JSON config stays JSON", async () => {
  const json = JSON.stringify({
    job: "extension",
    config: { name: "cats", process: [{ train: { steps: 1 } }] },
  });
  const { update, read } = await setUp(json, "cats.json");
  await update({ "train.steps": 5 });
  expect(JSON.parse(await read())).toMatchObject({ config: { process: [{ train: { steps: 5 } }] } });
});

test.each<[Record<string, unknown>, string[], RegExp]>([
  [{}, [], /Nothing to change/],
  [{ "train.steps.more": 1 }, [], /leads through .*, which is no block/],
  [{ "": 1 }, [], /is not a path/],
  [{ "train..steps": 1 }, [], /is not a path/],
  [{ "datasets[].resolution": 1 }, [], /is not a path/],
  [{ "datasets[0.resolution": 1 }, [], /is not a path/],
  [{ "[0]": 1 }, [], /is not a path/],
  [{ "__proto__.x": 1 }, [], /is not a path/],
  [{}, ["train.nothing"], /no 'train.nothing' to remove/],
  [{ "sample.prompts": ["$" + "{HF_TOKEN}"] }, [], /\$\{/],
  [{ "train.optimizer": "adamw9" }, [], /would break the configuration/],
  [{}, ["config.name"], /would break the configuration/],
])("%j without %j is refused and nothing is written", async (set, remove, reason) => {
  const { update, read } = await setUp();
  await expect(update(set, remove)).rejects.toThrow(reason);
  expect(await read()).toBe(WRITTEN_BY_HAND);
});

test("a config that was broken before may be mended in part", async () => {
  const { update } = await setUp(WRITTEN_BY_HAND.replace("lr: 1e-4", "optimizer: adamw9"));
  const { warnings } = await update({ "train.steps": 10 });
  expect(warnings).toContainEqual(expect.stringContaining("adamw9"));
});

test("a configuration that does not exist is said to", async () => {
  const { update } = await setUp(WRITTEN_BY_HAND, "dogs.yaml");
  await expect(update({ "train.steps": 1 })).rejects.toThrow("Configuration not found");
});
