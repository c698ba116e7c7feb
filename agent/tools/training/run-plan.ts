// What a run's private config says it will save and sample, and what of that is still to come.
import * as v from "valibot";
import { TRAINER_DEFAULTS } from "../configs/trainer-defaults.ts";

export interface RunPlan {
  /** In steps; null: never in between. */
  readonly saveEvery: number | null;
  /** How many numbered checkpoints stay; null: all. */
  readonly keep: number | null;
  readonly sampleEvery: number | null;
  readonly sampleStart: number;
  /** Images of one sampling; 0 when nothing is sampled. */
  readonly prompts: number;
}

const { save: SAVE, sample: SAMPLE } = TRAINER_DEFAULTS;

const every = (fallback: number) => v.fallback(v.nullable(v.optional(v.number(), fallback)), fallback);
const number = (fallback: number) => v.fallback(v.optional(v.number(), fallback), fallback);
const list = v.fallback(v.nullish(v.array(v.unknown())), undefined);
/** A block that is missing or no object has all its defaults, as in the trainer. */
const block = <const E extends v.ObjectEntries>(entries: E) =>
  v.pipe(
    v.optional(v.unknown(), {}),
    v.transform((value) => (typeof value === "object" && value !== null ? value : {})),
    v.object(entries),
  );

const Config = v.object({
  config: v.object({
    process: v.tupleWithRest(
      [
        v.object({
          save: block({
            save_every: every(SAVE.save_every),
            max_step_saves_to_keep: number(SAVE.max_step_saves_to_keep),
          }),
          sample: block({
            sample_every: every(SAMPLE.sample_every),
            sample_start_step: number(SAMPLE.sample_start_step),
            prompts: list,
            samples: list,
          }),
          train: block({ disable_sampling: v.optional(v.unknown()) }),
        }),
      ],
      v.unknown(),
    ),
  }),
});

const interval = (steps: number | null) => (steps !== null && steps > 0 ? Math.floor(steps) : null);

export function toRunPlan(config: unknown): RunPlan | undefined {
  const parsed = v.safeParse(Config, config);
  if (!parsed.success) return undefined;
  const { save, sample, train } = parsed.output.config.process[0];
  const prompts = train.disable_sampling ? 0 : (sample.samples ?? sample.prompts ?? []).length;
  return {
    saveEvery: interval(save.save_every),
    // `list[:-0]` is empty in Python: nothing is removed.
    keep: save.max_step_saves_to_keep > 0 ? save.max_step_saves_to_keep : null,
    sampleEvery: prompts > 0 ? interval(sample.sample_every) : null,
    sampleStart: sample.sample_start_step,
    prompts,
  };
}

/** Does the loop save, sample, at this step? Its steps count from 0; that of the first one is left out. */
export const savesAt = ({ saveEvery }: RunPlan, step: number) => saveEvery !== null && step % saveEvery === 0;
export const samplesAt = ({ sampleEvery, sampleStart }: RunPlan, step: number) =>
  sampleEvery !== null && step >= sampleStart && step % sampleEvery === 0;

export interface ToCome {
  /** Steps of the loop that save only, sample only, do both. */
  readonly saves: number;
  readonly samplings: number;
  readonly both: number;
  /** After the last step the model is saved and sampled once more. */
  readonly finalSave: boolean;
  readonly finalSampling: boolean;
}

export interface Position {
  /** Steps done, which is the number of the step that comes. */
  readonly done: number;
  /** Where this run began: nothing is saved or sampled in that step. */
  readonly start: number;
  readonly total: number;
  /** The steps of this run's checkpoints that are there and whole; null among them is the final file. */
  readonly saved: ReadonlySet<number | null>;
  /** The steps of this run that were sampled, each prompt. */
  readonly sampled: ReadonlySet<number>;
}

/** How many multiples of `every` lie in [from, to]. */
const multiples = (every: number, from: number, to: number) =>
  to < from ? 0 : Math.floor(to / every) - Math.ceil(from / every) + 1;

const leastCommonMultiple = (a: number, b: number): number => {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
};

export function toCome(plan: RunPlan, { done, start, total, saved, sampled }: Position): ToCome {
  const from = Math.max(done, start + 1);
  const last = total - 1;
  // While the loop samples at a step it has saved at that step already; before it goes on, it has done both.
  const saveFrom = saved.has(from) ? from + 1 : from;
  const { saveEvery, sampleEvery } = plan;
  const sampleFrom = Math.max(sampled.has(from) ? from + 1 : from, plan.sampleStart);
  const saves = saveEvery === null ? 0 : multiples(saveEvery, saveFrom, last);
  const samplings = sampleEvery === null ? 0 : multiples(sampleEvery, sampleFrom, last);
  const both =
    saveEvery === null || sampleEvery === null
      ? 0
      : multiples(leastCommonMultiple(saveEvery, sampleEvery), Math.max(saveFrom, sampleFrom), last);
  return {
    saves: saves - both,
    samplings: samplings - both,
    both,
    finalSave: !(done >= total && saved.has(null)),
    finalSampling: plan.prompts > 0 && !(done >= total && sampled.has(total)),
  };
}
