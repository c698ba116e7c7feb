// Every check of the machine: passed where all is well, failed where just that is wrong.
import { cp, mkdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GpuState } from "../../gpus/gpu.ts";
import { MACHINE_CHECKS } from "./checks.ts";
import type { Checked } from "./preflight.ts";
import { type Block, type Circumstances, GPU, World } from "./world.ts";

let world: World;
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const PICTURES = join(import.meta.dirname, "../../rehearsal/fixtures/dataset");
const LORA = join(import.meta.dirname, "../models/fixtures/tiny_run_v1_000000005.safetensors");

/** A real LoRA of SD 1.5 at step 5 and rank 4, in the folder of the run. */
const checkpoint = (name = "cats_000000250.safetensors") =>
  cp(LORA, join(world.paths.output, "cats", name), { recursive: true });

/** The same file with one more key in its header. */
async function rehearsed(): Promise<void> {
  const bytes = await readFile(LORA);
  const headerBytes = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerBytes));
  header.__metadata__.rehearsal = "true";
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  await world.put(
    "output/cats/cats.safetensors",
    Buffer.concat([length, text, bytes.subarray(8 + headerBytes)]),
  );
}

const SD_15 = {
  model: { name_or_path: "datasets", arch: "sd15" },
  network: { type: "lora", linear: 4, linear_alpha: 4 },
};
const dataset = (more: Block) => ({ datasets: [{ folder_path: "datasets/cats", ...more }] });
const remove = (name: string) => rm(join(world.paths.root, name), { recursive: true });
const gpu = (index: number, totalMib: number, usedMib = 300, more: Partial<GpuState> = {}): GpuState => ({
  ...GPU,
  ...more,
  index,
  uuid: `GPU-${index}`,
  totalMib,
  usedMib,
  freeMib: totalMib - usedMib,
});
const OTHERS = [{ pid: 4, name: "ComfyUI", usedMib: 9_000, session: 4 }];
const FLUX = { model: { name_or_path: "datasets", arch: "flux", quantize: true } };

interface Fault {
  readonly what: string;
  readonly given?: () => Promise<unknown>;
  readonly config?: Block;
  /** Processes behind the first one. */
  readonly more?: readonly Block[];
  readonly circumstances?: Circumstances;
  readonly text: RegExp;
  readonly level?: "error" | "blocks";
}

const resume = { resume: true } as const;

const FAULTS: Record<string, readonly Fault[]> = {
  toolkit: [
    { what: "no run.py", given: () => remove("run.py"), text: /No ai-toolkit found/, level: "error" },
    { what: "no Python", given: () => remove("venv/bin"), text: /no Python to run it with/, level: "error" },
  ],
  rehearsal: [{ what: "a rehearsal", circumstances: { trainer: "rehearsal" }, text: /no model is trained/ }],
  "toolkit's age": [
    { what: "of 2025", given: () => remove("extensions_built_in"), text: /older than September 2025/ },
    {
      what: "of early 2026",
      given: () => world.put("extensions_built_in/sd_trainer/DiffusionTrainer.py", "AITK_JOB_ID"),
      text: /cannot save or sample on request/,
    },
    {
      what: "of June 2026",
      given: () => world.put("extensions_built_in/sd_trainer/DiffusionTrainer.py", "AITK_JOB_ID save_now"),
      text: /cannot draw samples on request/,
    },
  ],
  "python packages": [
    { what: "no PyTorch", given: () => remove("venv/lib/python3.11/site-packages/torch"), text: /has no PyTorch/ },
  ],
  "one run at a time": [
    {
      what: "another job",
      circumstances: { jobs: { unfinished: () => "job-1" } },
      text: /Job job-1 already runs 'cats'/,
      level: "error",
    },
  ],
  "others' runs": [
    {
      what: "one that writes there",
      circumstances: {
        jobs: { writer: async () => ({ jobId: "web-ui-1", title: "the web UI's job 'cats'", state: "writing" }) },
      },
      text: /the web UI's job 'cats' is writing to .*cats just now/,
      level: "error",
    },
    {
      what: "one that waits to",
      circumstances: {
        jobs: { writer: async () => ({ jobId: "web-ui-1", title: "the web UI's job 'cats'", state: "waiting" }) },
      },
      text: /waits to write to .*cats/,
      level: "blocks",
    },
  ],
  "earlier checkpoints": [
    { what: "a numbered one", given: () => checkpoint(), text: /already holds cats_000000250.*step 250/, level: "error" },
    {
      what: "the final one",
      given: () => checkpoint("cats.safetensors"),
      text: /already holds cats.safetensors.*the finished model/,
      level: "error",
    },
  ],
  resume: [
    { what: "nothing there", circumstances: resume, text: /there is no checkpoint; the run begins at step 0/ },
    {
      what: "of a rehearsal",
      given: rehearsed,
      config: SD_15,
      circumstances: resume,
      text: /was made by a rehearsal .*a real training must not/,
      level: "error",
    },
    {
      what: "of a real training, for a rehearsal",
      given: () => checkpoint(),
      config: SD_15,
      circumstances: { ...resume, trainer: "rehearsal" },
      text: /was made by a real training: a rehearsal must not/,
      level: "error",
    },
    {
      what: "of another base model",
      given: () => checkpoint(),
      config: { ...SD_15, model: { name_or_path: "datasets", arch: "sdxl" } },
      circumstances: resume,
      text: /trained on 'sd_1.5', this config trains on 'sdxl_1.0'/,
      level: "error",
    },
    {
      what: "of another rank",
      given: () => checkpoint(),
      config: { ...SD_15, network: { type: "lora", rank: 8, linear_alpha: 4 } },
      circumstances: resume,
      text: /has rank 4, this config has rank 8/,
      level: "error",
    },
    {
      what: "of another config",
      given: () => checkpoint(),
      config: SD_15,
      circumstances: { ...resume, jobs: { lastConfig: () => "dogs" } },
      text: /started from the config 'dogs', not from 'cats'/,
      level: "blocks",
    },
    {
      what: "all steps done",
      given: () => checkpoint(),
      config: { ...SD_15, train: { steps: 5, lr: 1 }, save: { save_every: 2 } },
      circumstances: resume,
      text: /has 5 of 5 steps: nothing would be trained/,
      level: "blocks",
    },
    {
      what: "cut off",
      given: async () => {
        await checkpoint();
        await truncate(join(world.paths.output, "cats/cats_000000250.safetensors"), 30_000);
      },
      config: SD_15,
      circumstances: resume,
      text: /resume from cats_000000250.*cut off/,
      level: "error",
    },
    {
      what: "no checkpoint, but called like one",
      given: async () => {
        await checkpoint();
        await world.put("output/cats/cats notes.txt", "");
      },
      config: SD_15,
      circumstances: resume,
      text: /resume from cats notes.txt/,
      level: "error",
    },
    {
      what: "files of another name than the process",
      given: async () => {
        await mkdir(join(world.paths.output, "own"), { recursive: true });
        await cp(LORA, join(world.paths.output, "own/cats.safetensors"));
      },
      config: { ...SD_15, name: "own" },
      circumstances: resume,
      text: /looks for files called 'own…'.*write over them/,
      level: "blocks",
    },
  ],
  captions: [
    {
      what: "none",
      given: async () => {
        for (const each of [1, 2, 3, 4]) await remove(`datasets/cats/img${each}.txt`);
      },
      text: /none of the 4 images has a caption/,
    },
    { what: "one missing", given: () => remove("datasets/cats/img1.txt"), text: /1 of 4 images have no caption/ },
    {
      what: "without a music model's tags",
      given: async () => {
        await world.put("datasets/songs/a.mp3", "");
        await world.put("datasets/songs/a.txt", "a calm song");
      },
      config: { datasets: [{ folder_path: "datasets/songs" }], model: { name_or_path: "datasets", arch: "ace_step_15" } },
      text: /captions without <CAPTION>.*a.txt/,
    },
    { what: "of another ending", config: dataset({ caption_ext: ".caption" }), text: /none of the 4 images/ },
  ],
  "caption encoding": [
    {
      what: "one in Latin-1",
      given: () => world.put("datasets/cats/img2.txt", Buffer.from("un caf\xe9", "latin1")),
      text: /1 of the captions that were read are not UTF-8: img2.txt; the first that is met ends the run/,
      level: "blocks",
    },
  ],
  "writable data": [
    {
      what: "a data set on a read-only disk",
      circumstances: { readOnly: "datasets" },
      text: /writes the sizes of its images into datasets\/cats, and may not/,
      level: "error",
    },
  ],
  "output folder": [
    {
      what: "somebody else's folder",
      circumstances: { readOnly: "output/cats" },
      text: /The run may not write into .*output\/cats/,
      level: "error",
    },
  ],
  processes: [
    {
      what: "a second one elsewhere",
      more: [{ name: "dogs" }],
      text: /of the first process.* its folder .*output\/cats only: process\[1\] writes to .*output\/dogs, unguarded$/,
    },
    {
      what: "a second one in the same folder",
      more: [{}],
      text: /process\[1\] goes on in the same folder/,
    },
  ],
  "nested folders": [
    {
      what: "masks inside the data set",
      given: () => cp(PICTURES, join(world.paths.datasets, "cats/masks"), { recursive: true }),
      text: /sub-folders whose images are trained as well: masks \(4\)/,
    },
  ],
  "images decode": [
    {
      what: "one cut off",
      given: () => truncate(join(world.paths.datasets, "cats/img1.jpg"), 400),
      text: /img1.jpg does not decode.*ends a run that caches latents/,
      level: "blocks",
    },
    {
      what: "an empty one, without a cache",
      given: () => world.put("datasets/cats/img1.jpg", ""),
      config: dataset({}),
      text: /img1.jpg does not decode \(it is empty\)/,
    },
  ],
  "control images": [
    {
      what: "no folder",
      config: dataset({ control_path: "datasets/none" }),
      text: /the control folder datasets\/none does not exist/,
      level: "error",
    },
    {
      what: "one missing",
      given: async () => {
        await cp(join(world.paths.datasets, "cats"), join(world.paths.datasets, "before"), { recursive: true });
        await remove("datasets/before/img1.jpg");
      },
      config: dataset({ control_path: "datasets/before" }),
      text: /1 of 4 images have no control image of their name in datasets\/before: img1.jpg/,
    },
    {
      what: "one in upper case, of a model that cannot do without",
      given: async () => {
        await cp(join(world.paths.datasets, "cats"), join(world.paths.datasets, "before"), { recursive: true });
        await remove("datasets/before/img1.jpg");
        await world.put("datasets/before/img1.JPG", "");
      },
      config: {
        ...dataset({ control_path_1: "datasets/before" }),
        model: { name_or_path: "datasets", arch: "qwen_image_edit_plus" },
      },
      text: /1 of 4 images/,
      level: "error",
    },
    {
      what: "none at all",
      given: () => world.put("datasets/before/other.png", ""),
      config: dataset({ control_path: ["datasets/before"] }),
      text: /4 of 4 images have no control image.*img1.jpg, img2.png, img3.jpg …/,
      level: "error",
    },
  ],
  "batch size": [{ what: "too large", config: { train: { steps: 2000, batch_size: 8 } }, text: /4 files, fewer than a batch of 8/ }],
  "base model": [
    { what: "no such folder", config: { model: { name_or_path: "/nowhere", arch: "zimage" } }, text: /no base model at \/nowhere/, level: "error" },
    { what: "no such file", config: { model: { name_or_path: "flux.safetensors", arch: "zimage" } }, text: /no base model at flux/, level: "error" },
    { what: "not yet downloaded", config: { model: { name_or_path: "Qwen/Qwen-Image", arch: "qwen_image" } }, text: /is not on this machine yet/ },
  ],
  gpu: [
    { what: "none", circumstances: { gpus: { kind: "none", note: "nvidia-smi not found" } }, text: /No GPU to train on: nvidia-smi not found/ },
    { what: "a driver that is ill", circumstances: { gpus: { kind: "failed", note: "nvidia-smi failed" } }, text: /No GPU to train on: nvidia-smi failed/ },
    { what: "all hidden", circumstances: { gpus: { kind: "own", note: "CUDA_VISIBLE_DEVICES hides" } }, text: /CUDA_VISIBLE_DEVICES hides/ },
  ],
  vram: [
    { what: "too little", config: FLUX, circumstances: { gpus: [gpu(0, 12_288)] }, text: /needs about 24 GB of VRAM, GPU 0 .* has 12 GB/, level: "blocks" },
    { what: "too little on the one asked for", config: FLUX, circumstances: { gpus: [gpu(0, 81_559), gpu(1, 12_288)], gpu: "GPU-1" }, text: /GPU 1 .* has 12 GB/, level: "blocks" },
    { what: "too little on the one that is free", config: FLUX, circumstances: { gpus: [gpu(0, 24_564), gpu(1, 12_288)], taken: ["GPU-0"] }, text: /GPU 1 .* has 12 GB/, level: "blocks" },
    { what: "too little for a rehearsal", config: FLUX, circumstances: { gpus: [gpu(0, 12_288)], trainer: "rehearsal" }, text: /needs about 24 GB/ },
    { what: "too little, with offloading", config: { model: { ...FLUX.model, layer_offloading: true } }, circumstances: { gpus: [gpu(0, 12_288)] }, text: /needs about 24 GB/ },
    { what: "enough with another qtype only", config: { model: { name_or_path: "Qwen/Qwen-Image", arch: "qwen_image", qtype: "qfloat8" } }, text: /24 GB of VRAM are known to be enough with qtype uint3/ },
  ],
  queue: [
    { what: "another program on the only GPU", circumstances: { gpus: [gpu(0, 24_564, 9_300, { apps: OTHERS })] }, text: /waits in the queue: GPU 0 .* is used by ComfyUI/ },
    { what: "another program on the one asked for", circumstances: { gpus: [gpu(0, 24_564), gpu(1, 24_564, 9_300, { apps: OTHERS })], gpu: "GPU-1" }, text: /GPU 1 .* is used by ComfyUI/ },
  ],
  disk: [
    { what: "too small", circumstances: { freeBytes: 400e6 }, text: /will not suffice\. Needs about 513 MB: 5 checkpoints of 86 MB.*; 400 MB free/, level: "blocks" },
    { what: "too small for a rehearsal's checkpoints in the folder", given: rehearsed, config: SD_15, circumstances: { ...resume, trainer: "rehearsal", freeBytes: 1000 }, text: /will not suffice/ },
    { what: "just enough", circumstances: { freeBytes: 520e6 }, text: /will just about suffice/ },
    { what: "nearly full, and nobody knows how much is needed", config: { network: { type: "lokr" } }, circumstances: { freeBytes: 1e9 }, text: /nearly full: 1.0 GB free; how much is needed is unknown: the size of a lokr/ },
  ],
}; // biome-ignore format: a table

async function checkedOf(
  name: string,
  value: Block,
  circumstances?: Circumstances,
): Promise<readonly Checked[]> {
  const { checks } = await world.preflight(value, circumstances);
  return checks.filter(({ check }) => check === name);
}

test("every check has its case here", () => {
  expect(Object.keys(FAULTS).sort()).toEqual(MACHINE_CHECKS.map(({ name }) => name).sort());
});

test("where all is well every check says so, and the run would be started", async () => {
  const { checks } = await world.preflight(world.config());
  expect(checks.filter(({ level }) => level !== "ok")).toEqual([]);
  const names = MACHINE_CHECKS.map(({ name }) => name);
  expect(checks.map(({ check }) => check)).toEqual(expect.arrayContaining(names));
  for (const { check, text } of checks) expect(text, check).not.toBe("");
  expect(checks.at(-1)).toMatchObject({
    check: "config",
    text: expect.stringMatching(/^(\d+) of \1 checks/),
  });
});

describe.each(Object.entries(FAULTS))("%s", (name, faults) => {
  test.each(faults)("is failed: $what", async ({ given, config, more, circumstances, text, level }) => {
    await given?.();
    const [found, ...others] = await checkedOf(name, world.config(config, "cats", more), circumstances);
    expect(others).toEqual([]);
    expect(found?.text).toMatch(text);
    expect(found?.text).not.toContain("\n");
    expect(found?.fix).not.toBe("");
    expect({ level: found?.level, blocks: found?.blocks }).toEqual({
      level: level === "error" ? "error" : "warning",
      blocks: level === "blocks",
    });
  });
});

test("a resume of the run's own checkpoint is fine, and its step is told before", async () => {
  await checkpoint();
  const { checks, will } = await world.preflight(world.config(SD_15), {
    resume: true,
    jobs: { lastConfig: () => "cats" },
  });
  expect(checks.filter(({ level }) => level !== "ok")).toEqual([]);
  expect(will.resumes_from_step).toBe(5);
  const from = world.config({ ...SD_15, train: { steps: 2000, lr: 1, start_step: 100 } });
  expect((await world.preflight(from, { resume: true })).will.resumes_from_step).toBe(100);
});

test("without resume nothing is said of a step", async () => {
  await checkpoint();
  expect((await world.preflight(world.config(SD_15))).will.resumes_from_step).toBeNull();
});

test("a trigger word or a default caption stands for missing captions", async () => {
  for (const each of [1, 2, 3, 4]) await remove(`datasets/cats/img${each}.txt`);
  for (const config of [
    { trigger_word: "p3t" },
    dataset({ default_caption: "a cat" }),
    dataset({ trigger_word: "p3t" }),
  ])
    expect(await checkedOf("captions", world.config(config))).toMatchObject([{ level: "ok" }]);
});

test("behind a run of ours it waits without a warning, and no GPU is told", async () => {
  const busy = { gpus: [gpu(0, 24_564, 20_000)], taken: ["GPU-0"] };
  expect(await checkedOf("queue", world.config(), busy)).toMatchObject([
    { level: "ok", text: expect.stringContaining("is training 'dogs'") },
  ]);
  expect((await world.preflight(world.config(), busy)).will.gpu).toBeNull();
  expect((await world.preflight(world.config())).will.gpu).toBe(0);
});

test("where a larger GPU is there, it is the fix", async () => {
  const gpus = [gpu(0, 24_564), gpu(1, 12_288)];
  const [small] = await checkedOf("vram", world.config(FLUX), { gpus, taken: ["GPU-0"] });
  expect(small?.fix).toBe("Pass gpu: 0");
  expect(await checkedOf("vram", world.config(FLUX), { gpus })).toMatchObject([{ level: "ok" }]);
});

test("a part of a GPU, given by the environment, is one", async () => {
  const circumstances = {
    gpus: { kind: "own", note: "a part of a GPU (MIG)" },
    environment: { CUDA_VISIBLE_DEVICES: "MIG-1" },
  } as const;
  expect(await checkedOf("gpu", world.config(), circumstances)).toMatchObject([{ level: "ok" }]);
});

test("folders outside the data sets are refused and not even looked into", async () => {
  const { checks } = await world.preflight(world.config({ datasets: [{ folder_path: world.paths.root }] }));
  const said = JSON.stringify(checks);
  expect(said).toContain("is outside the folders that datasets may lie in");
  expect(said).not.toContain("sub-folders");
  const elsewhere = world.config({ training_folder: "/etc" });
  expect((await world.preflight(elsewhere)).will).toMatchObject({
    output_folder: null,
    disk_needed_bytes: null,
  });
});
