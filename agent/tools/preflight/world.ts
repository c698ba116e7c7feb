// For preflight's tests: a machine with a toolkit, a base model, a data set and a GPU, on which all is well.
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { GpuSnapshot, GpuState } from "../../gpus/gpu.ts";
import { createFolders, type Paths, pathsOf } from "../../paths.ts";
import { resolveTrainer, type TrainerChoice } from "../../trainer/trainer.ts";
import { placement } from "../queue/placement.ts";
import type { JobsView, Machine } from "./facts.ts";
import { preflight, type Report } from "./preflight.ts";

export type Block = Record<string, unknown>;

const PICTURES = join(import.meta.dirname, "../../rehearsal/fixtures/dataset");

/** The layout of ai-toolkit with a virtual environment, as far as anybody looks. */
const TOOLKIT = {
  "run.py": "",
  "version.py": 'VERSION = "0.12.26"\n',
  "extensions_built_in/sd_trainer/DiffusionTrainer.py":
    'os.environ.get("AITK_JOB_ID"); "save_now", "sample_now"',
  "venv/pyvenv.cfg": "include-system-site-packages = false\n",
  "venv/bin/python": "",
  "venv/lib/python3.11/site-packages/torch/__init__.py": "",
};

export const GPU: GpuState = {
  index: 0,
  uuid: "GPU-0",
  name: "NVIDIA GeForce RTX 4090",
  totalMib: 24_564,
  usedMib: 300,
  freeMib: 24_264,
  apps: [],
};

export interface Circumstances {
  readonly trainer?: TrainerChoice;
  readonly environment?: Readonly<Record<string, string>>;
  readonly gpus?: readonly GpuState[] | GpuSnapshot;
  /** UUIDs of the GPUs that runs of ours have. */
  readonly taken?: readonly string[];
  readonly freeBytes?: number | null;
  /** Nothing below this folder may be written to. */
  readonly readOnly?: string;
  readonly jobs?: Partial<JobsView>;
  readonly resume?: boolean;
  readonly gpu?: string;
}

export class World implements AsyncDisposable {
  readonly paths: Paths;

  private constructor(root: string) {
    this.paths = pathsOf({ data: root });
  }

  static async create(): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), "preflight-")));
    await createFolders(world.paths);
    for (const [name, text] of Object.entries(TOOLKIT)) await world.put(name, text);
    await chmod(join(world.paths.root, "venv/bin/python"), 0o755);
    await world.put("hf/hub/models--Tongyi-MAI--Z-Image/snapshots/1/model_index.json", "{}");
    await cp(PICTURES, join(world.paths.datasets, "cats"), { recursive: true });
    for (const name of ["img1", "img2", "img3", "img4"])
      await world.put(`datasets/cats/${name}.txt`, "a cat");
    return world;
  }

  /** A file below the data folder. @returns its path */
  async put(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.paths.root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  }

  /** A process without fault; `undefined` leaves a block out. */
  process(changes: Block = {}): Block {
    return {
      type: "diffusion_trainer",
      training_folder: this.paths.output,
      network: { type: "lora", linear: 16, linear_alpha: 16 },
      save: { save_every: 250, max_step_saves_to_keep: 4 },
      datasets: [{ folder_path: "datasets/cats", cache_latents_to_disk: true, resolution: [512, 1024] }],
      train: { steps: 2000, lr: 1e-4, optimizer: "adamw8bit", noise_scheduler: "flowmatch" },
      model: { name_or_path: "Tongyi-MAI/Z-Image", arch: "zimage" },
      sample: { sampler: "flowmatch", sample_every: 250, width: 1024, height: 1024, prompts: ["a cat"] },
      ...changes,
    };
  }

  /** @param more what is different in processes behind the first one */
  config(changes?: Block, name = "cats", more: readonly Block[] = []): Block {
    const process = [changes, ...more].map((each) => this.process(each));
    return { job: "extension", config: { name, process } };
  }

  machine(circumstances: Circumstances = {}): Machine {
    const {
      trainer = "auto",
      environment,
      gpus = [GPU],
      freeBytes = 1e12,
      jobs,
      taken = [],
      readOnly,
    } = circumstances;
    const running = taken.map((uuid) => ({ config: "dogs", pid: 77, gpu_uuid: uuid }));
    return {
      paths: this.paths,
      environment: { HF_HOME: join(this.paths.root, "hf"), ...environment },
      trainer: () =>
        resolveTrainer({
          choice: trainer,
          toolkitFolders: [this.paths.root],
          rehearsalCommand: ["node", "rehearse"],
          searchPath: "",
        }),
      gpus: async () => ("kind" in gpus ? gpus : { kind: "gpus", gpus }),
      freeBytes: async () => freeBytes,
      isWritable: async (path) => readOnly === undefined || !path.startsWith(join(this.paths.root, readOnly)),
      jobs: {
        unfinished: () => undefined,
        lastConfig: () => undefined,
        writer: async () => undefined,
        place(snapshot, config, wished, kind) {
          const job = { id: "new", config, trainer: kind, held: false, forced: false, wished_gpu: wished };
          const [place] = placement({
            snapshot,
            waiting: [job],
            running,
            hadGpus: false,
            occupied: () => undefined,
          });
          if (!place) throw new Error("one job, one place");
          return place;
        },
        ...jobs,
      },
    };
  }

  async preflight(value: unknown, circumstances: Circumstances = {}): Promise<Report> {
    const { resume = false, gpu = null } = circumstances;
    return await preflight({ text: JSON.stringify(value), value }, this.machine(circumstances), {
      config: "cats",
      resume,
      gpu,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.paths.root, { recursive: true });
  }
}
