import { expect, test } from "vitest";
import { toRunConfig } from "./run-config.ts";

const options = { root: "/toolkit", databasePath: "/state/job.db", reports: true };

/** A config as the old server wrote it. */
const old = {
  job: "extension",
  config: {
    name: "cats",
    process: [
      {
        type: "sd_trainer",
        training_folder: "output",
        datasets: [
          { folder_path: "/data/cats", control_path: ["/data/controls"] },
          { folder_path: "datasets/dogs" },
        ],
        train: { steps: 120 },
        logging: { use_ui_logger: false, log_every: 100, use_wandb: true, project_name: "p" },
      },
    ],
  },
  meta: { version: "1.0" },
};

test("D1, D25: a config of the old server runs with absolute paths, reports and a loss log", () => {
  const run = toRunConfig(old, options);
  expect(run).toMatchObject({
    name: "cats",
    totalSteps: 120,
    outputFolder: "/toolkit/output/cats",
    datasetFolders: ["/data/cats", "/data/controls", "/toolkit/datasets/dogs"],
  });
  expect(run.value["meta"]).toEqual({ version: "1.0" });
  expect(run.value["config"]).toMatchObject({
    process: [
      {
        type: "diffusion_trainer",
        training_folder: "/toolkit/output",
        sqlite_db_path: "/state/job.db",
        performance_log_every: 10,
        datasets: [{ folder_path: "/data/cats" }, { folder_path: "/toolkit/datasets/dogs" }],
        logging: { use_ui_logger: true, use_wandb: false, log_every: 100, project_name: "p" },
      },
    ],
  });
});

test("a toolkit that cannot report gets no process type and no database it does not know", () => {
  const run = toRunConfig(old, { ...options, reports: false });
  expect(JSON.stringify(run.value)).toContain('"sd_trainer"');
  expect(JSON.stringify(run.value)).not.toContain("sqlite_db_path");
});

test.each([
  ["sd_trainer", true, "diffusion_trainer", true],
  ["ui_trainer", true, "diffusion_trainer", true],
  ["diffusion_trainer", false, "sd_trainer", false],
  ["ui_trainer", false, "sd_trainer", false],
  ["textual_inversion_trainer", true, "textual_inversion_trainer", false],
  ["concept_slider", true, "concept_slider", true],
])("a %s becomes, for a toolkit that reports: %s, a %s that reports: %s", (type, reports, runs, tells) => {
  const [process] = old.config.process;
  const run = toRunConfig(
    { ...old, config: { ...old.config, process: [{ ...process, type }] } },
    { ...options, reports },
  );
  expect(run.value["config"]).toMatchObject({ process: [{ type: runs }] });
  expect(run.reports).toBe(tells);
});

test("every folder of a data set is made absolute, single or in a list", () => {
  const dataset = {
    dataset_path: "datasets/a",
    control_path: ["c1", "/c2"],
    mask_path: "m",
    caption_ext: "txt",
  };
  const run = toRunConfig(
    { config: { name: "a", process: [{ training_folder: "/out", datasets: [dataset] }] } },
    options,
  );
  expect(run.value["config"]).toMatchObject({
    process: [
      {
        datasets: [
          {
            dataset_path: "/toolkit/datasets/a",
            control_path: ["/toolkit/c1", "/c2"],
            mask_path: "/toolkit/m",
            caption_ext: "txt",
          },
        ],
      },
    ],
  });
});

test("the given config is left as it is", () => {
  const before = structuredClone(old);
  toRunConfig(old, options);
  expect(old).toEqual(before);
});

test("the process's own name is the folder, the config's name stays the file prefix", () => {
  const [process] = old.config.process;
  const run = toRunConfig(
    { ...old, config: { name: "cats", process: [{ ...process, name: "folder" }] } },
    options,
  );
  expect(run).toMatchObject({ name: "cats", outputFolder: "/toolkit/output/folder" });
});

test.each([
  null,
  {},
  { config: {} },
  { config: { name: "", process: [{}] } },
  { config: { name: "a", process: [] } },
  3,
])("%j is refused as nothing that could run", (config) => {
  expect(() => toRunConfig(config, options)).toThrow("config.name");
});

test("a config without a training folder is refused", () => {
  expect(() => toRunConfig({ config: { name: "a", process: [{}] } }, options)).toThrow("training_folder");
});

test("`device: cuda:1` chooses a GPU; a run that sees only that one calls it the first", () => {
  const on = (device: unknown) => ({
    config: { name: "cats", process: [{ training_folder: "/out", device, train: { steps: 1 } }] },
  });
  const deviceOf = ({ value }: ReturnType<typeof toRunConfig>) =>
    (value as { config: { process: { device: unknown }[] } }).config.process[0]?.device;
  const alone = toRunConfig(on("cuda:1"), { ...options, oneGpu: true });
  expect([alone.gpuIndex, deviceOf(alone)]).toEqual([1, "cuda"]);
  const among = toRunConfig(on("cuda:1"), options);
  expect([among.gpuIndex, deviceOf(among)]).toEqual([1, "cuda:1"]);
  for (const device of ["cuda:0", "cuda", "cpu", undefined, 1]) {
    const run = toRunConfig(on(device), { ...options, oneGpu: true });
    expect([run.gpuIndex, deviceOf(run)]).toEqual([null, device]);
  }
});

test("a negative prompt that is left out, or said to be none, is an empty text; one that is written stays", () => {
  const sampleOf = (sample: object) => {
    const [process] = old.config.process;
    const config = { ...old, config: { ...old.config, process: [{ ...process, sample }] } };
    const value = toRunConfig(config, options).value["config"] as { process: { sample: unknown }[] };
    return value.process[0]?.sample;
  };
  expect(sampleOf({ prompts: ["a cat"] })).toEqual({ prompts: ["a cat"], neg: "" });
  expect(sampleOf({ neg: false })).toEqual({ neg: "" });
  expect(sampleOf({ neg: "ugly", samples: [{ prompt: "a", neg: null }, { prompt: "b" }] })).toEqual({
    neg: "ugly",
    samples: [{ prompt: "a", neg: "" }, { prompt: "b" }],
  });
});
