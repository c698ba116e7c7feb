// Models that edit a picture: what they are shown beside what they shall learn.
import {
  asList,
  asObject,
  asText,
  type Check,
  error,
  type Finding,
  type JsonObject,
  type Process,
  warning,
} from "./check.ts";
import { archOf } from "./model-arch.ts";
import { promptFlags } from "./prompt-flags.ts";

/** They put the control image into the text embedding, and end the job at the first item without one. */
export const NEEDS_CONTROLS: readonly string[] = [
  "qwen_image_edit",
  "qwen_image_edit_plus",
  "boogu_image_edit",
];

/** They train without, but then learn nothing of editing. */
const WANTS_CONTROLS: readonly string[] = ["flux_kontext", "hidream_e1", "mageflow_edit"];

/** They cannot draw a sample without. The first four look at `ctrl_img` alone. */
const SAMPLES_WITH_ONE: readonly string[] = ["flux_kontext", "hidream_e1", "wan21_i2v", "qwen_image_edit"];
const SAMPLES_WITH_ANY: readonly string[] = ["qwen_image_edit_plus", "boogu_image_edit"];

/** Does a sample without a control image end the run? */
export function needsControlToSample(arch: string): boolean {
  return SAMPLES_WITH_ONE.includes(arch) || SAMPLES_WITH_ANY.includes(arch);
}

function hasControls(dataset: JsonObject): boolean {
  const { control_path, control_path_1, control_path_2, control_path_3, control_from_same_folder } = dataset;
  const paths = [control_path, control_path_1, control_path_2, control_path_3].flat();
  return control_from_same_folder === true || paths.some((path) => Boolean(asText(path)));
}

/** A variant of a text model, told from it by a key alone. */
const editsByKey = (model: JsonObject) => asObject(model.model_kwargs).edit === true;

function datasets({ at, block }: Process): Finding[] {
  const model = asObject(block.model);
  const arch = archOf(model);
  const isNeeded = NEEDS_CONTROLS.includes(arch);
  if (!isNeeded && !WANTS_CONTROLS.includes(arch) && !editsByKey(model)) return [];
  return asList(block.datasets).flatMap((each, index) => {
    if (hasControls(asObject(each)) || asObject(each).is_reg === true) return [];
    const fix = `Add datasets.${index}.control_path: a folder outside the data set with an image of the same name for each one`;
    const text = `${at}Dataset ${index} has no control images, and '${arch}' learns to make its images of those`;
    return [isNeeded ? error(`${text}: the run would end at once`, fix) : warning(text, fix)];
  });
}

/** Which control images a sample item has. */
function controlsOf(item: unknown): { readonly first: boolean; readonly any: boolean } {
  const block = asObject(item);
  const flagged = promptFlags(asText(item) ?? asText(block.prompt) ?? "").controlImages.length > 0;
  const first = flagged || Boolean(block.ctrl_img);
  return { first, any: first || Boolean(block.ctrl_img_1 || block.ctrl_img_2 || block.ctrl_img_3) };
}

function samples({ at, block }: Process): Finding[] {
  const arch = archOf(asObject(block.model));
  const needsOne = SAMPLES_WITH_ONE.includes(arch);
  if ((!needsOne && !SAMPLES_WITH_ANY.includes(arch)) || asObject(block.train).disable_sampling === true)
    return [];
  const sample = asObject(block.sample);
  const items = Array.isArray(sample.samples) ? sample.samples : asList(sample.prompts);
  const bare = items.findIndex((item) => !(needsOne ? controlsOf(item).first : controlsOf(item).any));
  if (bare === -1) return [];
  return [
    error(
      `${at}Prompt ${bare} has no control image, and '${arch}' cannot draw a sample without: the run would end there`,
      "Add ctrl_img to the sample, or '--ctrl_img PATH' to the prompt, or write train.disable_sampling: true",
    ),
  ];
}

export const CONTROL_CHECKS: readonly Check[] = [
  { name: "control folders", run: ({ trainers }) => trainers.flatMap(datasets) },
  { name: "sample controls", run: ({ trainers }) => trainers.flatMap(samples) },
];
