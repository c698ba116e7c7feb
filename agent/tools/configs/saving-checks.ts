// What a run leaves behind and when: checkpoints and samples.
import {
  asList,
  asObject,
  asText,
  blocker,
  type Check,
  type Finding,
  type Process,
  warning,
} from "./check.ts";
import { TRAINER_DEFAULTS } from "./trainer-defaults.ts";

export interface Saving {
  readonly steps: number;
  /** 0: only the final file. */
  readonly saveEvery: number;
  /** 0: all of them. */
  readonly keep: number;
}

const numberOr = (value: unknown, fallback: number) => (typeof value === "number" ? value : fallback);

export function savingOf({ block }: Pick<Process, "block">): Saving {
  const save = asObject(block.save);
  return {
    steps: numberOr(asObject(block.train).steps, TRAINER_DEFAULTS.train.steps),
    // null and 0 both mean never.
    saveEvery: save.save_every === null ? 0 : numberOr(save.save_every, TRAINER_DEFAULTS.save.save_every),
    keep: numberOr(save.max_step_saves_to_keep, TRAINER_DEFAULTS.save.max_step_saves_to_keep),
  };
}

/** Numbered checkpoints that a whole run writes: at every multiple below the end, but not at its first step. */
export function savesOf({ steps, saveEvery }: Saving): number {
  return saveEvery > 0 ? Math.max(0, Math.ceil(steps / saveEvery) - 1) : 0;
}

function saves(process: Process): Finding[] {
  const saving = savingOf(process);
  const { steps, saveEvery, keep } = saving;
  const count = savesOf(saving);
  if (count === 0) {
    return [
      warning(
        `${process.at}Nothing is saved before the end: save_every is ${saveEvery || "off"} and the run has ${steps} steps; whatever ends it early loses all`,
        `Write save.save_every: ${Math.max(1, Math.floor(steps / 4))}`,
      ),
    ];
  }
  if (keep !== 0) return [];
  return [
    warning(
      `${process.at}save.max_step_saves_to_keep: 0 keeps every checkpoint, ${count} of them`,
      "Write the number you want to keep, e.g. 4",
    ),
  ];
}

/** More take longer than the training between two rounds of them. */
const MANY_PROMPTS = 20;
const LARGE_SIDE = 2048;

function samples(process: Process): Finding[] {
  const { at, block } = process;
  const sample = asObject(block.sample);
  if (asObject(block.train).disable_sampling === true) return [];
  const prompts = Array.isArray(sample.samples) ? sample.samples : asList(sample.prompts);
  const { steps } = savingOf(process);
  const every =
    sample.sample_every === null ? 0 : numberOr(sample.sample_every, TRAINER_DEFAULTS.sample.sample_every);
  const rounds = every > 0 ? Math.ceil(steps / every) + 1 : 2;
  const sides = [
    numberOr(sample.width, TRAINER_DEFAULTS.sample.width),
    numberOr(sample.height, TRAINER_DEFAULTS.sample.height),
  ];
  const found: (Finding | false)[] = [
    prompts.length === 0 &&
      warning(
        `${at}There is no sample prompt: nobody will see what is learned`,
        "Add sample.prompts, or write train.disable_sampling: true",
      ),
    prompts.length > MANY_PROMPTS &&
      warning(
        `${at}${prompts.length} sample prompts in ${rounds} rounds are ${prompts.length * rounds} pictures, which may take longer than the training`,
        "Keep a few telling prompts",
      ),
    prompts.length > 0 &&
      every > 0 &&
      every < steps / 100 &&
      warning(
        `${at}sample_every is ${every}: the run stops ${rounds} times to draw samples`,
        `Write sample.sample_every: ${Math.ceil(steps / 10)}`,
      ),
    prompts.length > 0 &&
      sides.some((side) => side < 64 || side > LARGE_SIDE || side % 8 !== 0) &&
      warning(
        `${at}Samples of ${sides.join("×")} pixels: sides are rounded down to a multiple of 8, from 64 on, and beyond ${LARGE_SIDE} few GPUs can draw them`,
        "Write sample.width and sample.height, e.g. 1024",
      ),
  ];
  return found.filter((each) => each !== false);
}

/** It is only looked at when all steps are done: what is missing then makes a failure of a run that has trained. */
function pushes({ at, block }: Process, hasHfToken: boolean): Finding[] {
  const save = asObject(block.save);
  if (save.push_to_hub !== true) return [];
  if (!asText(save.hf_repo_id)) {
    return [
      blocker(
        `${at}save.push_to_hub needs save.hf_repo_id: without, the run fails when it has trained`,
        "Add hf_repo_id: owner/name, or write push_to_hub: false",
      ),
    ];
  }
  if (!hasHfToken) {
    return [
      blocker(
        `${at}save.push_to_hub needs HF_TOKEN: without, the trainer asks for a login when it has trained, and nobody can type one`,
        "Set HF_TOKEN for this server and start it anew, or write push_to_hub: false",
      ),
    ];
  }
  return [
    warning(
      `${at}save.push_to_hub publishes the run on Hugging Face as ${save.hf_repo_id}`,
      "Write push_to_hub: false unless that is meant",
    ),
  ];
}

export const SAVING_CHECKS: readonly Check[] = [
  { name: "saves", run: ({ trainers }) => trainers.flatMap(saves) },
  {
    name: "push to hub",
    run: ({ trainers, hasHfToken }) => trainers.flatMap((process) => pushes(process, hasHfToken)),
  },
  { name: "samples", run: ({ trainers }) => trainers.flatMap(samples) },
];
