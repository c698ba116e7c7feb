import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Paths, pathsOf } from "../../paths.ts";
import { CHECKS, checkConfig } from "./checks.ts";
import { parseConfig } from "./yaml.ts";

let paths: Paths;

beforeAll(async () => {
  paths = pathsOf({ data: await mkdtemp(join(tmpdir(), "checks-")) });
  const put = async (path: string) => {
    await mkdir(join(paths.datasets, path, ".."), { recursive: true });
    await writeFile(join(paths.datasets, path), "");
  };
  await put("cats/a.png");
  await put("nested/deep/er/a.WebP");
  await put("empty/notes.txt");
  await put("empty/.thumbs/a.jpg");
  await put("empty/_controls/a.jpg");
  await put("clips/a.mp4");
  await put("songs/a.flac");
  await put("list.json");
  await symlink(join(paths.datasets, "cats"), join(paths.datasets, "empty", "link"));
});
afterAll(() => rm(paths.root, { recursive: true }));

/** A config without fault, with blocks of its (first) process replaced; `undefined` leaves one out. */
function config(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: "diffusion_trainer",
    training_folder: paths.output,
    network: { type: "lora", linear: 16, linear_alpha: 16 },
    save: { save_every: 5 },
    datasets: [{ folder_path: join(paths.datasets, "cats") }],
    train: { steps: 10, lr: 1e-4, optimizer: "adamw8bit", noise_scheduler: "flowmatch" },
    model: { name_or_path: "Qwen/Qwen-Image", arch: "qwen_image" },
    sample: { sampler: "flowmatch", prompts: ["a cat"] },
    ...changes,
  };
}

const top = (...process: unknown[]) => ({ job: "extension", config: { name: "x", process } });

async function check(value: unknown, environment: Record<string, string> = {}) {
  const text = JSON.stringify(value);
  return await checkConfig({ text, value: parseConfig(text, true).value }, paths, environment);
}

test("a config without fault has no findings", async () => {
  expect(await check(top(config()))).toEqual({ errors: [], warnings: [] });
});

test("every check has a name of its own", () => {
  expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length);
});

test.each<[unknown, string[]]>([
  [null, ["Missing required key: 'job'", "Missing required key: 'config'"]],
  [[], ["Missing required key: 'job'", "Missing required key: 'config'"]],
  [
    { job: "extension", config: {} },
    ["Missing required key: 'config.name'", "Missing required key: 'config.process'"],
  ],
  [
    { config: { name: "x", process: {} } },
    ["Missing required key: 'job'", "'config.process' is not an array"],
  ],
  [{ job: "extension", config: { name: "x", process: [] } }, ["'config.process' array is empty"]],
  [
    { job: "extension", config: { name: "x", process: [{ type: "sd_trainer", training_folder: "output" }] } },
    ["Missing 'datasets' in process config", "Missing 'model' in process config"],
  ],
  [
    {
      job: "extension",
      config: {
        name: "x",
        process: [{ type: "sd_trainer", training_folder: "output", datasets: [{}], model: {} }],
      },
    },
    ["Dataset 0 missing 'folder_path'", "Missing 'model.name_or_path'"],
  ],
])("the shape is checked in the old server's words: %j", async (value, errors) => {
  expect((await check(value)).errors).toEqual(errors);
});

test("D20: every process is checked, not only the first", async () => {
  const second = config({ datasets: [{}], model: undefined, train: { optimizer: "adamw9bit", lr: 1 } });
  expect((await check(top(config(), second))).errors).toEqual([
    "process[1]: Dataset 0 missing 'folder_path'",
    "process[1]: Missing 'model' in process config",
    "process[1]: Unknown optimizer 'adamw9bit' (did you mean 'adamw8bit'?)",
  ]);
});

test("D20: folders are looked up where the trainer runs, not where this server was started", async () => {
  const at = (folder_path: string) => check(top(config({ datasets: [{ folder_path }] })));
  expect(await at("datasets/cats")).toEqual({ errors: [], warnings: [] });
  expect(await at("datasets/dogs")).toEqual({
    errors: [],
    warnings: ["Dataset 0 folder does not exist: datasets/dogs"],
  });
  // There is such a folder where this test was started.
  expect((await at("agent/tools")).warnings).toEqual(["Dataset 0 folder does not exist: agent/tools"]);
});

test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
  ["no image", { folder_path: "datasets/empty" }, {}, "has no images"],
  ["images for a video model", { folder_path: "datasets/clips" }, {}, "has no images"],
  ["no clip", { folder_path: "datasets/songs", num_frames: 41 }, {}, "has no videos or images"],
  ["no sound", { folder_path: "datasets/cats" }, { arch: "ace_step_15_xl" }, "has no sound files"],
])("a dataset with nothing to train on is an error: %s", async (_, dataset, model, text) => {
  const value = top(config({ datasets: [dataset], model: { name_or_path: "x", ...model } }));
  expect((await check(value)).errors).toEqual([expect.stringContaining(text)]);
});

test.each<[Record<string, unknown>, string]>([
  [{ folder_path: "datasets/nested" }, "qwen_image"],
  [{ folder_path: "datasets/clips", num_frames: 41 }, "wan21:14b"],
  [{ folder_path: "datasets/clips", auto_frame_count: true }, "minimax_h3"],
  [{ folder_path: "datasets/cats", num_frames: 41 }, "wan21"],
  [{ folder_path: "datasets/songs" }, "ace_step_15"],
  [{ dataset_path: "datasets/list.json" }, "qwen_image"],
])("a dataset with something to train on is fine: %j", async (dataset, arch) => {
  const value = top(config({ datasets: [dataset], model: { name_or_path: "x", arch } }));
  expect(await check(value)).toEqual({ errors: [], warnings: [] });
});

test.each<[string, Record<string, unknown>, RegExp]>([
  [
    "optimizer",
    { train: { lr: 1, optimizer: "adamw_8bit" } },
    /Unknown optimizer 'adamw_8bit' \(did you mean 'adamw8bit'\?\)/,
  ],
  ["noise scheduler", { train: { lr: 1, noise_scheduler: "flow" } }, /Unknown train\.noise_scheduler 'flow'/],
  ["sampler", { sample: { sampler: "eulr" } }, /Unknown sample\.sampler 'eulr' \(did you mean 'euler'\?\)/],
  ["training folder", { training_folder: undefined }, /Missing 'training_folder'/],
  ["type", { type: undefined }, /has no 'type'/],
  ["prompts", { sample: { prompts: "a cat" } }, /every letter would become a prompt/],
  ["samples", { sample: { samples: ["a cat"] } }, /must be a list of blocks/],
  [
    "prompt flag",
    { sample: { samples: [{ prompt: "a cat --h tall" }] } },
    /Prompt 0: --h needs a whole number/,
  ],
])("what would end the job is an error: %s", async (_, changes, text) => {
  const { errors } = await check(top(config(changes)));
  expect(errors).toEqual([expect.stringMatching(text)]);
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ["full fine-tune", { network: undefined }, /There is no 'network' block: this trains the whole model/],
  ["learning rate", { train: { steps: 10 } }, /There is no 'train\.lr'/],
  [
    "arch",
    { model: { name_or_path: "x", arch: "qwenimage" } },
    /Unknown model\.arch 'qwenimage' \(did you mean 'qwen_image'\?\)/,
  ],
  ["lion", { train: { lr: 1, optimizer: "Lion" } }, /pip install lion-pytorch/],
  ["prompt", { sample: { prompts: ["a cat -- asleep"] } }, /Prompt 0: everything after --/],
  ["relative folder", { training_folder: "output" }, /training_folder 'output' is relative/],
  [
    "process type",
    { type: "difusion_trainer" },
    /unknown type 'difusion_trainer' \(did you mean 'diffusion_trainer'\?\)/,
  ],
  [
    "D22 moved model",
    { model: { name_or_path: "runwayml/stable-diffusion-v1-5" } },
    /no longer exists.*stable-diffusion-v1-5\/stable/,
  ],
  ["D22 gated model", { model: { name_or_path: "black-forest-labs/FLUX.1-dev", arch: "flux" } }, /is gated/],
  [
    "key in train",
    { train: { lr: 1, bach_size: 2 } },
    /Unknown key 'train\.bach_size' .*\(did you mean 'batch_size'\?\)/,
  ],
  ["key of the process", { trigger: "x" }, /Unknown key 'trigger' is ignored/],
  [
    "key in a dataset",
    { datasets: [{ dataset_path: "datasets/cats", resolutions: [512] }] },
    /Unknown key 'datasets\[0\]\.resolutions' .*\(did you mean 'resolution'\?\)/,
  ],
  ["key in a sample", { sample: { samples: [{ promt: "x" }] } }, /Unknown key 'sample\.samples\[0\]\.promt'/],
  [
    "key in ema_config",
    { train: { lr: 1, ema_config: { decay: 1 } } },
    /Unknown key 'train\.ema_config\.decay'/,
  ],
])("what its author may not have meant is a warning: %s", async (_, changes, text) => {
  const { errors, warnings } = await check(top(config(changes)));
  expect(errors).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(text)]);
});

test("D22: with a token a gated model is no matter", async () => {
  const value = top(config({ model: { name_or_path: "black-forest-labs/FLUX.1-dev", arch: "flux" } }));
  expect((await check(value, { HF_TOKEN: "hf_x" })).warnings).toEqual([]);
});

test("an environment variable anywhere in the file is an error, comments included", async () => {
  const text = `# \${HF_TOKEN}\njob: extension`;
  const { errors } = await checkConfig({ text, value: top(config()) }, paths, {});
  expect(errors).toEqual([expect.stringContaining(`\${HF_TOKEN}`)]);
});

test.each(["a[b]", "a/b", 'a"b', ""])("the config.name %j is an error", async (name) => {
  const { errors } = await check({ job: "extension", config: { name, process: [config()] } });
  expect(errors).toEqual([expect.stringContaining("'config.name' cannot be used")]);
});

test("captioners and other jobs have no data sets to miss", async () => {
  expect((await check(top({ type: "Qwen3VLCaptioner", caption: {} }))).errors).toEqual([]);
  expect(
    (await check({ job: "generate", config: { name: "x", process: [{ type: "to_folder" }] } })).errors,
  ).toEqual([]);
});

test("hundreds of unknown keys are not all told", async () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`unheard_of_${i}`, 1]));
  expect((await check(top(config({ train: { lr: 1, ...many } })))).warnings).toHaveLength(20);
});

test("keys with the names of inherited things are just unknown", async () => {
  const text = `{"job":"extension","config":{"name":"x","process":[{"__proto__":{"type":"x"},"constructor":1}]}}`;
  const { errors } = await checkConfig({ text, value: JSON.parse(text) }, paths, {});
  expect(errors[0]).toContain("has no 'type'");
});

test.each<[string, Record<string, unknown>, RegExp]>([
  [
    "a training folder elsewhere",
    { training_folder: "/somewhere" },
    /training_folder \/somewhere is outside/,
  ],
  [
    "a training folder among the datasets",
    { training_folder: "datasets/x" },
    /is outside the folders that runs/,
  ],
  ["a run's folder that climbs out", { name: "../../escaped" }, /'name' cannot be the run's folder/],
  ["a dataset elsewhere", { datasets: [{ folder_path: "/etc" }] }, /\/etc is outside .*--dataset-root/],
  [
    "a dataset that climbs out",
    { datasets: [{ folder_path: "datasets/../.." }] },
    /is outside the folders that datasets/,
  ],
  [
    "a control folder elsewhere",
    { datasets: [{ folder_path: "datasets/cats", control_path: ["datasets/cats", "/etc"] }] },
    /\/etc is outside/,
  ],
  [
    "a mask folder elsewhere",
    { datasets: [{ folder_path: "datasets/cats", mask_path: "/etc" }] },
    /\/etc is outside/,
  ],
  [
    "a control image elsewhere",
    { sample: { prompts: ["x --ctrl_img /etc/a.png"] } },
    /control image \/etc\/a.png/,
  ],
  [
    "one beside its prompt",
    { sample: { samples: [{ prompt: "x", ctrl_img_2: "/etc/a.png" }] } },
    /control image/,
  ],
  [
    "one among our own files",
    { sample: { prompts: ["x --ctrl_img .mcp-ai-toolkit/jobs/a.png"] } },
    /control image .mcp-ai-toolkit/,
  ],
])("the trainer is sent nowhere outside: %s", async (_, changes, text) => {
  const { errors } = await check(top(config(changes)));
  expect(errors.filter((each) => text.test(each))).toHaveLength(1);
});

test("a link to our own files does not make one of them a control image", async () => {
  await mkdir(join(paths.state, "jobs"), { recursive: true });
  await symlink(paths.state, join(paths.datasets, "private"));
  const image = join(paths.datasets, "private", "jobs", "a.png");
  const { errors } = await check(top(config({ sample: { prompts: [`x --ctrl_img ${image}`] } })));
  expect(errors).toEqual([expect.stringContaining("control image")]);
});

test("a link inside the datasets does not lead outside, and another root may be allowed", async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
  await writeFile(join(elsewhere, "a.png"), "");
  await symlink(elsewhere, join(paths.datasets, "linked"));
  const value = top(config({ datasets: [{ folder_path: "datasets/linked" }] }));
  expect((await check(value)).errors).toEqual([expect.stringContaining("datasets/linked is outside")]);
  const allowed = pathsOf({ data: paths.root, datasetRoots: [elsewhere] });
  expect(await checkConfig({ text: "", value }, allowed, {})).toEqual({ errors: [], warnings: [] });
  await rm(elsewhere, { recursive: true });
});
