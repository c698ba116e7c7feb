import * as v from "valibot";
import { getConfig } from "../../../shared/tools/configs.ts";
import { getTrainingMetrics, getTrainingSamples, getTrainingStatus } from "../../../shared/tools/training.ts";
import { aside, DATA_ONLY, facts, MACHINE, subject, type TrainingPrompt, text } from "./prompt.ts";

const Status = v.object({ config: v.string() });

export const planNextRun: TrainingPrompt = {
  name: "plan_next_run",
  title: "Plan the next run",
  description:
    "Compares what a run was meant to do with what came out, and proposes what to change next time",
  arguments: [
    { name: "job_id", description: "Job to learn from", required: true },
    { name: "wish", description: "What you would like better: closer likeness, less overfitting, faster" },
    MACHINE,
  ],
  async write(asking, args) {
    const { job_id, wish } = args;
    const status = await subject(asking, args, getTrainingStatus.name, { job_id });
    const named = v.safeParse(Status, status.json);
    const [config, metrics, samples] = await Promise.all([
      named.success ? aside(asking, args, getConfig.name, { name: named.output.config }) : undefined,
      aside(asking, args, getTrainingMetrics.name, { job_id, points: 40 }),
      aside(asking, args, getTrainingSamples.name, { job_id }),
    ]);
    return [
      text(`Plan the run that should follow the training job ${job_id}.
${wish ? `I would like: ${wish}.` : "Ask me what I would like better, if the samples do not show it."}

1. What did this run do well, and what not? Use the samples first, then the curves.
2. Propose at most three changes, one idea each, as exact keys and values for update_config (on a copy with another name, so that both runs can be compared), with what each should change in the samples.
3. Say whether to resume from a checkpoint or to begin anew, and why.
4. Memory, disk and time of the next run, from the figures of this one.
Change and start nothing before I agree.

${DATA_ONLY}`),
      ...facts(`Status (${getTrainingStatus.name})`, status),
      ...facts(
        `Config (${getConfig.name})`,
        config && { ...config, json: { yaml: config.json["yaml"] ?? config.json } },
      ),
      ...facts(`Curves (${getTrainingMetrics.name})`, metrics),
      ...facts(`Samples (${getTrainingSamples.name})`, samples),
    ];
  },
};
