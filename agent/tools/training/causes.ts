// Why runs fail: what the log says → one sentence and what to do. The first match wins, so the special come first.

export interface Cause {
  readonly reason: string;
  readonly hint: string;
}

interface Pattern extends Cause {
  readonly pattern: RegExp;
}

const PATTERNS: readonly Pattern[] = [
  {
    pattern:
      /OOM during training step \d+ times in a row|CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError/,
    reason: "The GPU ran out of memory",
    hint: "Lower the resolution or batch_size, turn on quantize, low_vram or gradient_checkpointing, or end other programs on the GPU",
  },
  {
    pattern:
      /GatedRepoError|Cannot access gated repo|Access to model .{1,200} is restricted|401 Client Error|403 Client Error/,
    reason: "The base model is gated and this machine has no access to it",
    hint: "Accept the licence on the model's Hugging Face page and set HF_TOKEN for the agent, then start again",
  },
  {
    pattern: /No space left on device|\[Errno 28\]/,
    reason: "The disk is full",
    hint: "Free space (old runs, checkpoints, caches) or keep fewer checkpoints with max_step_saves_to_keep",
  },
  {
    pattern: /no (images|videos|audio) found in/,
    reason: "The data set holds no file that can be trained",
    hint: "Check folder_path in the configuration; get_dataset_info shows what a data set holds",
  },
  {
    pattern:
      /RepositoryNotFoundError|is not a local folder and is not a valid model identifier|404 Client Error/,
    reason: "The base model was not found",
    hint: "Check model.name_or_path; list_model_presets has names that exist",
  },
  {
    pattern: /LocalEntryNotFoundError|OfflineModeIsEnabled|Max retries exceeded|NameResolutionError/,
    reason: "A download failed: the machine could not reach Hugging Face",
    hint: "Check the machine's network, or put the model on its disk and name the folder",
  },
  {
    pattern: /Unknown optimizer type|ModuleNotFoundError|ImportError/,
    reason: "A Python package or optimizer is missing in ai-toolkit's environment",
    hint: "Install the toolkit's requirements into its venv, or choose another optimizer",
  },
  {
    pattern: /database is locked/,
    reason: "The trainer could not write its report: the database was locked",
    hint: "Keep the data folder on a local disk, then start again with resume: true",
  },
  {
    pattern: /no such (table|column)/,
    reason: "The trainer's report database is damaged",
    hint: "Start the job again",
  },
  {
    pattern: /FileNotFoundError/,
    reason: "A file that the configuration names is missing",
    hint: "get_training_logs shows which; check folder_path and name_or_path",
  },
];

const KILLED = 137;
const TERMINATED = 143;

/** The trainer's own last words: `Error running job: …`, or the last line of a traceback. */
function lastWords(lines: readonly string[]): string | undefined {
  const said = lines.findLast((line) => line.startsWith("Error running job: "));
  if (said) return said.slice("Error running job: ".length);
  return lines.findLast((line) => /^[A-Za-z_.]*(Error|Exception)\b.*:/.test(line));
}

const SAID_MAX = 300;

/** `lines`: the end of the log, cleaned. `exitCode` null: the process is gone and left no status. */
export function causeOf(lines: readonly string[], exitCode: number | null): Cause {
  const text = lines.join("\n");
  const said = lastWords(lines);
  const known = PATTERNS.find(({ pattern }) => pattern.test(text));
  if (known)
    return { reason: said ? `${known.reason}: ${said.slice(0, SAID_MAX)}` : known.reason, hint: known.hint };
  if (said) return { reason: said.slice(0, SAID_MAX), hint: "get_training_logs shows the lines before it" };
  if (exitCode === null) {
    return {
      reason:
        "Lost: the trainer's process is gone without a word (the machine was restarted, or it was killed)",
      hint: "Start it again with resume: true to go on from the last checkpoint",
    };
  }
  if (exitCode === KILLED) {
    return {
      reason: "Killed (signal 9), most likely because the machine ran out of memory (RAM)",
      hint: "Close other programs, lower num_workers or the resolution, then start again with resume: true",
    };
  }
  if (exitCode === TERMINATED) {
    return {
      reason: "Ended from outside (signal 15)",
      hint: "Start it again with resume: true to go on from the last checkpoint",
    };
  }
  return {
    reason: `The trainer ended with exit code ${exitCode} and did not say why`,
    hint: "get_training_logs shows its last lines",
  };
}
