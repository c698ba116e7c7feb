// list_exported_models: every model in `outputs` and `output`, with what its header says.
import { basename, dirname, extname } from "node:path";
import type * as v from "valibot";
import type { listExportedModels } from "../../../shared/tools/models.ts";
import { closing } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";
import type { FileCache } from "./file-cache.ts";
import { type ModelFacts, readFacts } from "./model-facts.ts";
import { type ListedModel, listModels, type OpenedModel, openModel, stemOf } from "./model-files.ts";

type Model = v.InferInput<typeof listExportedModels.output>["models"][number];

type JobOf = (folder: string) => string | undefined;
/** Looks at all runs there are; then tells the id of the one whose output folder an absolute path is. */
export type JobsByFolder = () => Promise<JobOf>;

export function factsOf(
  { path, stats, file }: OpenedModel,
  known: FileCache<ModelFacts>,
): Promise<ModelFacts> {
  return known.get(path, stats, () => readFacts(file.handle, basename(path), Number(stats.size)));
}

/** Sorted by name, then path. */
export async function describeModels(
  paths: Paths,
  known: FileCache<ModelFacts>,
  jobOf: JobOf,
  signal: AbortSignal,
): Promise<Model[]> {
  const listed = await listModels(paths);
  const exported = new Set(listed.filter(({ root }) => root === "outputs").map(({ relative }) => relative));
  const models: Model[] = [];
  for (const model of listed) {
    signal.throwIfAborted();
    const facts = known.recall(model.path, model.stats) ?? (await readClosed(paths, model, known));
    if (!facts) continue;
    // `outputs` is looked at first: a file of the same path there would be taken for this one.
    const isHidden = model.root === "output" && exported.has(model.relative);
    models.push({
      name: stemOf(model.relative),
      extension: extname(model.relative).slice(1),
      path: model.path,
      relative_path: isHidden ? `${model.root}/${model.relative}` : model.relative,
      size: Number(model.stats.size),
      created_at: model.stats.mtime.toISOString(),
      step: facts.step,
      base_model: facts.baseModel,
      trigger_word: facts.triggerWord,
      job_id: jobOf(dirname(model.path)) ?? null,
      problem:
        facts.problem ?? (facts.rehearsal ? "Written by a rehearsal: no real training is in it" : null),
    });
  }
  return models.sort((a, b) => compare(a.name, b.name) || compare(a.path, b.path));
}

/** undefined: gone meanwhile. */
async function readClosed(
  paths: Paths,
  model: ListedModel,
  known: FileCache<ModelFacts>,
): Promise<ModelFacts | undefined> {
  const opened = await openModel(paths, model);
  return opened && (await closing(opened, () => factsOf(opened, known)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
