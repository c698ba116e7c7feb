// For tests: a server under test, and what lies in its data folder.
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Paths, pathsOf } from "../paths.ts";
import { type Caller, type CallerOptions, callerOf } from "./caller.ts";

export interface Server {
  readonly url: string;
  readonly token?: string | undefined;
  /** The agent's data folder, on this machine. */
  readonly data: string;
  close(): Promise<void>;
}

export interface Subject extends Caller {
  readonly paths: Paths;
}

export function subjectOf(
  { url, token, data }: Pick<Server, "url" | "token" | "data">,
  options?: CallerOptions,
): Subject {
  return { ...callerOf(url, token, options), paths: pathsOf({ data }) };
}

const PICTURES = join(import.meta.dirname, "../rehearsal/fixtures/dataset");

/** Four small pictures, each with its caption. */
export const picturePath = (name: "img1.jpg" | "img2.png") => join(PICTURES, name);

/** A data set of those four. @returns its folder */
export async function putDataset({ datasets }: Paths, name: string): Promise<string> {
  const folder = join(datasets, name);
  await cp(PICTURES, folder, { recursive: true });
  return folder;
}

type Block = Readonly<Record<string, unknown>>;

export interface RunBlocks {
  readonly type?: string;
  readonly train?: Block;
  readonly save?: Block;
  readonly sample?: Block;
  readonly dataset?: Block;
  /** Pace and fault, see agent/rehearsal/main.ts. */
  readonly rehearsal?: Block;
}

/** A config as a user would put it there: twelve quick steps on the data set of the same name, without samples. */
export async function putRun(paths: Paths, name: string, blocks: RunBlocks = {}): Promise<void> {
  const folder = await putDataset(paths, name);
  const process = {
    type: blocks.type ?? "diffusion_trainer",
    training_folder: paths.output,
    network: { type: "lora", linear: 4, linear_alpha: 4 },
    save: { save_every: 1_000, ...blocks.save },
    datasets: [{ folder_path: folder, resolution: 256, num_workers: 0, ...blocks.dataset }],
    train: { steps: 12, lr: 1e-4, disable_sampling: true, ...blocks.train },
    model: { name_or_path: "nobody/nothing", arch: "sd1" },
    sample: {
      sampler: "ddpm",
      sample_every: 1_000,
      width: 64,
      height: 64,
      prompts: ["a cat"],
      ...blocks.sample,
    },
  };
  await putConfig(
    paths,
    name,
    JSON.stringify({
      job: "extension",
      config: { name, process: [process] },
      meta: { rehearsal: blocks.rehearsal ?? {} },
    }),
  );
}

/** A config file as it is; YAML, of which JSON is a part. */
export async function putConfig({ config }: Paths, name: string, text: string | Buffer): Promise<void> {
  await mkdir(config, { recursive: true });
  await writeFile(join(config, `${name}.yaml`), text);
}

/** Everything that clients can see in the data folder: the trash, jobs and logs in the state folder are ours. */
export async function treeOf({ root }: Paths): Promise<string[]> {
  const entries = await readdir(root, { recursive: true });
  return entries.filter((entry) => !entry.startsWith(".mcp-ai-toolkit")).sort();
}
