// What there is: jobs, configs, data sets and models, as the list tools tell it.
import * as v from "valibot";
import { ToolError } from "../../shared/errors.ts";
import { listConfigs } from "../../shared/tools/configs.ts";
import { listDatasets } from "../../shared/tools/datasets.ts";
import { listExportedModels } from "../../shared/tools/models.ts";
import { listTrainingJobs } from "../../shared/tools/training.ts";
import type { Kind } from "./address.ts";
import { type Asking, ask, askForAll } from "./ask.ts";

export interface Thing {
  readonly kind: Kind;
  /** A job's id; for all others a name. */
  readonly name: string;
  readonly description: string;
  /** Absent where there is only one. */
  readonly machine?: string | undefined;
}

/** Older jobs are found by id; nobody picks from a longer list. */
const JOBS_MAX = 100;

const Jobs = v.object({
  jobs: v.array(v.object({ job_id: v.string(), config: v.string(), status: v.string() })),
});
const Configs = v.array(v.string());
const Datasets = v.array(v.object({ name: v.string(), image_count: v.number() }));
const Models = v.array(v.object({ name: v.string(), step: v.optional(v.nullable(v.number())) }));

type Named = readonly [name: string, description: string];
type Lister = (asking: Asking, machine: string | undefined) => Promise<readonly Named[]>;

const LISTERS: Readonly<Record<Kind, Lister>> = {
  job: async (asking, machine) => {
    const { json } = await ask(asking, listTrainingJobs.name, { limit: JOBS_MAX }, machine);
    const { jobs } = v.parse(Jobs, json);
    return jobs.map(({ job_id, config, status }) => [job_id, `Training of ${config}: ${status}`]);
  },
  config: async (asking, machine) => {
    const configs = v.parse(Configs, await askForAll(asking, listConfigs.name, "configs", machine));
    return configs.map((name) => [name, "Training configuration"]);
  },
  dataset: async (asking, machine) => {
    const datasets = v.parse(Datasets, await askForAll(asking, listDatasets.name, "datasets", machine));
    return datasets.map(({ name, image_count }) => [name, `Data set of ${image_count} images`]);
  },
  model: async (asking, machine) => {
    const models = v.parse(Models, await askForAll(asking, listExportedModels.name, "models", machine));
    return models.map(({ name, step }) => [name, step ? `Model at step ${step}` : "Model"]);
  },
};

/**
 * All things of one kind on all machines. What cannot be asked now (a machine that is off, a tool beyond the caller's
 * scopes) has none: a list that is short is of more use than none.
 */
export async function listThings(asking: Asking, kind: Kind): Promise<readonly Thing[]> {
  const machines = asking.backend.machines?.() ?? [];
  const lists = await Promise.all(
    (machines.length > 0 ? machines : [undefined]).map(async (machine) => {
      try {
        const named = await LISTERS[kind](asking, machine);
        return named.map(([name, description]): Thing => ({ kind, name, description, machine }));
      } catch (thrown) {
        if (thrown instanceof ToolError || v.isValiError(thrown)) return [];
        throw thrown;
      }
    }),
  );
  return lists.flat();
}
