import { expect, test } from "vitest";
import { configDifferences } from "./config-differences.ts";

const config = (process: object, ...more: object[]) => ({
  job: "extension",
  config: { name: "any", process: [process, ...more] },
});

test.each([
  ["a number", { train: { lr: 1e-4 } }, { train: { lr: 2e-4 } }, { "train.lr": [1e-4, 2e-4] }],
  ["a setting that one lacks", { network: { linear: 4 } }, {}, { "network.linear": [4, null] }],
  [
    "a list of plain values",
    { sample: { prompts: ["a", "b"] } },
    { sample: { prompts: ["a"] } },
    { "sample.prompts": [["a", "b"], ["a"]] },
  ],
  [
    "a list of blocks, each by its place",
    { datasets: [{ num_repeats: 1 }, { num_repeats: 1 }] },
    { datasets: [{ num_repeats: 1 }, { num_repeats: 5 }] },
    { "datasets.1.num_repeats": [1, 5] },
  ],
  [
    "a data set by its name, wherever it lies",
    { datasets: [{ folder_path: "/a/cats" }, { folder_path: "/a/dogs" }] },
    { datasets: [{ folder_path: "/b/cats" }, { folder_path: "/b/owls" }] },
    { "datasets.1.folder_path": ["dogs", "owls"] },
  ],
])("%s is told", (_, a, b, differences) => {
  expect(Object.fromEntries(configDifferences([config(a), config(b)]))).toEqual(differences);
});

test("names, folders, reports and how a number is written make no difference", () => {
  const ours = {
    type: "diffusion_trainer",
    name: "a",
    training_folder: "/x",
    sqlite_db_path: "/x/job.db",
    performance_log_every: 10,
    logging: { log_every: 1, use_ui_logger: true },
    train: { lr: "1e-4", steps: 10 },
  };
  const theirs = {
    type: "sd_trainer",
    training_folder: "output",
    device: "cuda",
    train: { lr: 0.0001, steps: 10 },
  };
  expect(configDifferences([config(ours), config(theirs)]).size).toBe(0);
});

test("further processes are compared, too", () => {
  const a = config({}, { name: "a", type: "x" });
  expect([...configDifferences([a, config({}, { name: "b", type: "y" })])]).toEqual([
    ["process.1.type", ["x", "y"]],
  ]);
});

test("a config that is not known differs in nothing, and long texts are cut", () => {
  const long = "x".repeat(1_000);
  const [[path, values] = []] = [...configDifferences([config({ a: long }), null, config({ a: "y" })])];
  expect(path).toBe("a");
  expect(values?.[1]).toBeNull();
  expect(String(values?.[0]).length).toBeLessThan(200);
  expect(configDifferences([config({ a: 1 }), null]).size).toBe(0);
});
