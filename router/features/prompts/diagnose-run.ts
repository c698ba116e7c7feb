import { getTrainingLogs, getTrainingMetrics, getTrainingStatus } from "../../../shared/tools/training.ts";
import { aside, DATA_ONLY, facts, MACHINE, subject, type TrainingPrompt, text } from "./prompt.ts";

/** A Python trace with what came before it. */
const LOG_LINES = 120;

export const diagnoseRun: TrainingPrompt = {
  name: "diagnose_run",
  title: "Diagnose a failed run",
  description:
    "Finds out from status and log why a training failed or misbehaves, and how to go on without losing steps",
  arguments: [{ name: "job_id", description: "Job that failed or looks odd", required: true }, MACHINE],
  async write(asking, args) {
    const { job_id } = args;
    const [status, logs, metrics] = await Promise.all([
      subject(asking, args, getTrainingStatus.name, { job_id }),
      aside(asking, args, getTrainingLogs.name, { job_id, lines: LOG_LINES }),
      aside(asking, args, getTrainingMetrics.name, { job_id, points: 40 }),
    ]);
    return [
      text(`Find out what went wrong in the training job ${job_id}.

1. Name the cause in one sentence, and the line of the log or the figure that shows it. If the evidence does not decide it, say what would.
2. Say what to change: the exact key of the config (update_config) or the step on the machine, and what it costs (quality, speed, memory).
3. Say whether checkpoints are left and from which step start_training with resume: true would go on.
Change and start nothing before I agree.

${DATA_ONLY}`),
      ...facts(`Status (${getTrainingStatus.name})`, status),
      ...facts(`The last lines of the log (${getTrainingLogs.name})`, logs),
      ...facts(`Curves (${getTrainingMetrics.name})`, metrics),
    ];
  },
};
