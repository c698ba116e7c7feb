import { getTrainingMetrics, getTrainingSamples, getTrainingStatus } from "../../../shared/tools/training.ts";
import { aside, DATA_ONLY, facts, MACHINE, subject, type TrainingPrompt, text } from "./prompt.ts";

export const judgeSamples: TrainingPrompt = {
  name: "judge_samples",
  title: "Judge the samples and pick a checkpoint",
  description: "Shows the samples of a run step by step and asks which checkpoint is the best one",
  arguments: [{ name: "job_id", description: "Job whose samples are judged", required: true }, MACHINE],
  async write(asking, args) {
    const { job_id } = args;
    const [status, samples, metrics] = await Promise.all([
      subject(asking, args, getTrainingStatus.name, { job_id }),
      aside(asking, args, getTrainingSamples.name, { job_id }),
      aside(asking, args, getTrainingMetrics.name, { job_id, points: 20 }),
    ]);
    return [
      text(`Judge the samples of the training job ${job_id} and pick a checkpoint.

On the sheet each row is a step (top to bottom), each column a prompt; the text beside it names them. Look at single ones with get_training_samples (step, prompt) where the sheet is too small.
1. Row by row: does it look like what was to be learned? Does it still follow the prompt? Colours burnt, faces alike, backgrounds copied from the data set: that is overfitting.
2. Name the best step, and the nearest checkpoint that exists (list_exported_models). The lowest loss is no argument.
3. Say whether more steps would help, or fewer would have been enough.
Then ask whether to export it (export_model).

${DATA_ONLY}`),
      ...facts(`Samples (${getTrainingSamples.name})`, samples),
      ...facts(`Status (${getTrainingStatus.name})`, status),
      ...facts(`Curves (${getTrainingMetrics.name})`, metrics),
    ];
  },
};
