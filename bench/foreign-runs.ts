// A list of jobs beside a thousand folders of trainings that others have run, against a bare walk of the same folders.
import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathsOf } from "../agent/paths.ts";
import { ForeignRuns } from "../agent/tools/adoption/foreign-runs.ts";
import { Runs } from "../agent/tools/adoption/runs.ts";
import { JobStore } from "../agent/tools/training/job-store.ts";
import { medians, type Result, ratio } from "./measure.ts";
import { scratchFolder } from "./scratch.ts";
import { walk } from "./walk.ts";

const FOLDERS = 1_000;
const SAMPLES = 8;
/** As many as list_training_jobs answers unasked. */
const LIMIT = 100;

const AGENT = join(import.meta.dirname, "../agent");
const YEARS_AGO = new Date("2025-01-01T00:00:00Z");

async function putFolders(output: string): Promise<void> {
  const [config, lora, losses] = await Promise.all([
    readFile(join(AGENT, "rehearsal/fixtures/written-config.yaml"), "utf8"),
    readFile(join(AGENT, "tools/models/fixtures/tiny_run_v1_000000005.safetensors")),
    readFile(join(AGENT, "tools/training/fixtures/tiny_run_v1/loss_log.db")),
  ]);
  for (let n = 0; n < FOLDERS; n++) {
    const [name, folder] = [`run_${n}`, join(output, `run_${n}`)];
    await mkdir(join(folder, "samples"), { recursive: true });
    const files = {
      "config.yaml": config.replaceAll("tiny_run_v1", name),
      [`${name}_000000005.safetensors`]: lora,
      "loss_log.db": losses,
    };
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
    for (let index = 0; index < SAMPLES; index++)
      await writeFile(join(folder, `samples/1795363939300__000000005_${index}.jpg`), "x");
    for (const path of [...Object.keys(files), "samples", "."])
      await utimes(join(folder, path), YEARS_AGO, YEARS_AGO);
  }
}

export async function benchForeignRuns(): Promise<Result[]> {
  const paths = pathsOf({ data: await scratchFolder() });
  await mkdir(paths.jobs, { recursive: true });
  await putFolders(paths.output);
  const store = new JobStore(paths.db);
  const newRuns = () => {
    const foreign = new ForeignRuns({
      paths,
      toolkitFolders: [paths.root],
      ownFolders: () => store.usedFolders(),
      gpus: () => undefined,
      now: () => new Date(),
    });
    // Each list looks anew, as one a second later would.
    return new Runs(store, {
      survey: () => foreign.survey(0),
      find: (id) => foreign.find(id),
      open: (found) => foreign.open(found),
    });
  };
  const [first = 0, bare = 0] = await medians([() => newRuns().list(LIMIT), () => walk(paths.output)], 3, 1);
  const warm = newRuns();
  await warm.list(LIMIT);
  const [cached = 0, bareAgain = 0] = await medians([() => warm.list(LIMIT), () => walk(paths.output)], 5, 1);
  store[Symbol.dispose]();
  const what = `list_training_jobs, ${LIMIT} of ${FOLDERS} folders of others`;
  return [
    // Headers, curves and configs of those that are shown are read; the walk reads none.
    ratio(`${what}, first time, against a bare walk`, first, bare, 10),
    ratio(`${what}, cached, against a bare walk`, cached, bareAgain, 2),
  ];
}
