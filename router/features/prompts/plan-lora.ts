import { getCaptions } from "../../../shared/tools/captions.ts";
import { getDatasetInfo } from "../../../shared/tools/datasets.ts";
import { getSystemStats } from "../../../shared/tools/system.ts";
import { aside, DATA_ONLY, facts, MACHINE, subject, type TrainingPrompt, text } from "./prompt.ts";

/** Enough to see how the captions are written. */
const CAPTIONS = 12;

export const planLora: TrainingPrompt = {
  name: "plan_lora",
  title: "Plan a LoRA for a data set",
  description:
    "Looks at a data set and the machine, and proposes a base model and settings before anything is trained",
  arguments: [
    { name: "dataset", description: "Data set to train on", required: true },
    { name: "goal", description: "What the LoRA is to learn: a person, a style, an object" },
    { name: "preset", description: "Base model, if it is settled" },
    MACHINE,
  ],
  async write(asking, args) {
    const { dataset = "", goal, preset } = args;
    const [info, captions, system] = await Promise.all([
      subject(asking, args, getDatasetInfo.name, { name: dataset }),
      aside(asking, args, getCaptions.name, { name: dataset, limit: CAPTIONS }),
      aside(asking, args, getSystemStats.name),
    ]);
    return [
      text(`Plan a LoRA training on the data set "${dataset}".
${goal ? `It is to learn: ${goal}.` : "If the captions do not show what it is to learn (a person, a style, an object), ask me."}
${preset ? `The base model is settled: ${preset}.` : "Choose a base model from list_model_presets that fits into the free GPU memory, and name one alternative."}

Say in this order, briefly:
1. Is the data set fit for it? Number and variety of images, missing or poor captions, what to mend first and with which tool.
2. Base model, trigger word, rank, learning rate, steps, resolution, with a reason each. Steps follow from the number of images.
3. Sample prompts that will show whether it learns, with and without the trigger word.
4. Memory, disk and time: what you know from the figures, and what you only guess.
Then ask whether to create the config (create_training_config), check it (preflight) and start. Start nothing by yourself.

${DATA_ONLY}`),
      ...facts(`Data set (${getDatasetInfo.name})`, info),
      ...facts(`The first captions (${getCaptions.name})`, captions),
      ...facts(`Machine (${getSystemStats.name})`, system),
    ];
  },
};
