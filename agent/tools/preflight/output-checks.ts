// What lies in the run's folder already, and what a resume would make of it.
import { softError } from "../../../shared/errors.ts";
import { asObject, asText } from "../configs/check.ts";
import { archOf } from "../configs/model-arch.ts";
import { savingOf } from "../configs/saving-checks.ts";
import { rankOf } from "../configs/training-checks.ts";
import { baseVersion } from "./base-version.ts";
import type { Facts, Run } from "./facts.ts";
import {
  blocker,
  error,
  isRehearsal,
  type MachineCheck,
  type MachineFinding,
  trainerOf,
  warning,
} from "./machine-check.ts";

/** The step a resume begins at; null where it begins at 0 or nobody can say. */
export function resumesFrom({ request, run }: Facts): number | null {
  if (!request.resume || !run?.resumePoint) return null;
  const start = asObject(run.block.train).start_step;
  return typeof start === "number" ? start : run.resumePoint.step;
}

const ANOTHER_NAME = "Give the config another config.name, or move the folder away";

/** One sentence for each thing that keeps the checkpoint from being this run's. */
function foreign(facts: Facts, run: Run): (MachineFinding | false)[] {
  const point = run.resumePoint;
  if (!point) return [];
  const where = `${run.config.outputFolder}/${point.name}`;
  const kind = trainerOf(facts)?.kind;
  if (kind !== undefined && point.rehearsal !== isRehearsal(facts)) {
    return [
      error(
        point.rehearsal
          ? `${where} was made by a rehearsal and has learned nothing: a real training must not go on from it`
          : `${where} was made by a real training: a rehearsal must not go on from it`,
        ANOTHER_NAME,
      ),
    ];
  }
  const arch = archOf(asObject(run.block.model));
  const expected = baseVersion(arch);
  const rank = rankOf(asObject(run.block.network));
  const isLora = (asText(asObject(run.block.network).type) ?? "lora") === "lora";
  const last = facts.jobs.lastConfig(run.config.outputFolder);
  return [
    point.baseModel !== null &&
      expected !== undefined &&
      point.baseModel !== expected &&
      error(
        `${where} was trained on '${point.baseModel}', this config trains on '${expected}' (arch '${arch}')`,
        ANOTHER_NAME,
      ),
    point.rank !== null &&
      rank !== null &&
      isLora &&
      !point.rehearsal && // its layers are smaller than many a rank
      point.rank !== rank &&
      error(
        `${where} has rank ${point.rank}, this config has rank ${rank}: the trainer would stretch or cut it without a word, or fail at it`,
        `Write network.linear: ${point.rank}, or give the config another config.name and begin from it with network.pretrained_lora_path`,
      ),
    last !== undefined &&
      last !== facts.request.config &&
      blocker(
        `The newest run in ${run.config.outputFolder} was started from the config '${last}', not from '${facts.request.config}'`,
        ANOTHER_NAME,
      ),
  ];
}

function resume(facts: Facts): (MachineFinding | false)[] {
  const { request, run } = facts;
  if (!request.resume || !run) return [];
  const { resumePoint: point, config, processName } = run;
  if (!point) {
    const why =
      run.checkpoints.length === 0
        ? "there is no checkpoint"
        : processName !== config.name
          ? `the trainer looks for files called '${processName}…', and its checkpoints are called '${config.name}…'`
          : "the trainer passes over paths with _LoRA, _refiner, _t2i or _cn in them";
    const text = `Nothing can be gone on from: ${why}`;
    return [
      run.checkpoints.length === 0
        ? warning(`${text}; the run begins at step 0`, "Leave resume out")
        : blocker(`${text}; the run would begin at step 0 and write over them`, ANOTHER_NAME),
    ];
  }
  if (point.problem !== null) {
    return [
      error(
        `The trainer would resume from ${point.name}, the newest file that begins with the run's name. ${point.problem}`,
        `Move ${config.outputFolder}/${point.name} away`,
      ),
    ];
  }
  const from = resumesFrom(facts);
  const { steps } = savingOf(run);
  return [
    ...foreign(facts, run),
    from !== null &&
      from >= steps &&
      blocker(
        `The checkpoint has ${from} of ${steps} steps: nothing would be trained`,
        `Raise train.steps above ${from}, or choose another config.name to begin anew`,
      ),
  ];
}

function othersRun({ run }: Facts): (MachineFinding | false)[] {
  if (!run?.writer) return [];
  const { jobId, title, state } = run.writer;
  const { outputFolder } = run.config;
  if (state === "waiting") {
    return [
      blocker(
        `${title} waits to write to ${outputFolder}: it would go on from what this run leaves there`,
        "Take it out of the web UI's queue, or give the config another config.name",
      ),
    ];
  }
  const text = `${title} is writing to ${outputFolder} just now`;
  const fix = "Wait for it, or stop it where it was started; or give the config another config.name";
  const extra = jobId === null ? {} : { job_id: jobId };
  return [{ ...error(text, fix), refusal: softError("conflict", text, extra, fix) }];
}

/** The trainer runs them one after the other; a job has one folder, one count of steps and one end. */
function laterProcesses({ run }: Facts): (MachineFinding | false)[] {
  if (!run) return [];
  const { outputFolder, laterFolders } = run.config;
  const others = laterFolders.map((folder, index) =>
    folder === outputFolder
      ? `process[${index + 1}] goes on in the same folder, from what the first one leaves there`
      : `process[${index + 1}] writes to ${folder ?? "a folder that is not named"}, unguarded`,
  );
  return [
    others.length > 0 &&
      warning(
        `Progress, checkpoints and the end of the run are told of the first process, and other runs are kept out of its folder ${outputFolder} only: ${others.join("; ")}`,
        "Make a configuration of its own for each process",
      ),
  ];
}

export const OUTPUT_CHECKS: readonly MachineCheck[] = [
  {
    name: "output folder",
    run: ({ run }) => [
      run !== undefined &&
        !run.isWritable &&
        error(
          `The run may not write into ${run.config.outputFolder}`,
          "Give the agent's user the right to write there, or name another training_folder",
        ),
    ],
    ok: () => "May be written to",
  },
  { name: "processes", run: laterProcesses, ok: () => "There is one" },
  {
    name: "one run at a time",
    run: ({ request, run, jobs }) => {
      const id = jobs.unfinished(request.config, run?.config.outputFolder ?? "");
      if (id === undefined) return [];
      const text = `Job ${id} already runs '${request.config}' or writes to the same folder`;
      const fix =
        "Wait for it or stop it; for a second run at the same time copy the configuration under another name";
      return [{ ...error(text, fix), refusal: softError("conflict", text, { job_id: id }, fix) }];
    },
    ok: () => "No other job has this config or this folder",
  },
  {
    name: "others' runs",
    run: othersRun,
    ok: () => "No training of anybody else uses this folder",
  },
  {
    name: "earlier checkpoints",
    run: ({ request, run }) => {
      const [newest] = run?.checkpoints ?? [];
      if (!run || !newest || request.resume) return [];
      const at = newest.step === null ? "the finished model" : `step ${newest.step}`;
      const text = `${run.config.outputFolder} already holds ${newest.name}; the trainer would go on from there (${at}) instead of starting anew`;
      const fix =
        "Pass resume: true to go on from it, use a configuration with another name, or move the folder away";
      const extra = { checkpoint: newest.name, step: newest.step };
      return [{ ...error(text, fix), refusal: softError("conflict", text, extra, fix) }];
    },
    ok: ({ request, run }) =>
      request.resume ? `Newest: ${run?.resumePoint?.name ?? "none"}` : `${run?.config.outputFolder} has none`,
  },
  {
    name: "resume",
    run: resume,
    ok: (facts) =>
      facts.request.resume
        ? `Goes on from step ${resumesFrom(facts) ?? "of the checkpoint"}`
        : "Begins at step 0",
  },
];
