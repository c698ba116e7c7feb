// What a training may be called. The name becomes a folder, the beginning of every file in it, and part of a pattern
// that ai-toolkit matches files with; it is also pasted into the config's JSON text wherever `[name]` stands.

/** Room for what the trainer appends, e.g. `_000000250_high_noise.safetensors`, below Linux's 255 bytes a name. */
const NAME_MAX_BYTES = 200;

const ALLOWED = /^[\p{L}\p{M}\p{N} _.+()-]+$/u;

/**
 * What else lies in a run's folder. The trainer resumes from the newest file there whose name begins with the run's,
 * whatever it is (`get_latest_save_path`), and it writes config.yaml before it looks.
 */
const BESIDE_CHECKPOINTS = [
  "config.yaml",
  "samples",
  "optimizer.pt",
  "loss_log.db",
  "learnable_snr.json",
  "log.txt",
];

function beginningProblem(name: string): string | undefined {
  const other = BESIDE_CHECKPOINTS.find((each) => each.startsWith(name));
  return other && `it is the beginning of ${other}, which ai-toolkit would take for a checkpoint`;
}

/** Why a new config cannot have this name, as one sentence, or undefined if it can. */
export function newNameProblem(name: string): string | undefined {
  if (!ALLOWED.test(name)) return "a name may have letters, digits, spaces and _ - . + ( ) only";
  if (name.startsWith("-")) return "a name must not begin with -";
  if (name !== name.trim()) return "a name must not begin or end with a space";
  if (Buffer.byteLength(name) > NAME_MAX_BYTES)
    return `a name must not be longer than ${NAME_MAX_BYTES} bytes`;
  return beginningProblem(name);
}

/**
 * Why training under this `config.name`, written by anybody, would go wrong. `[ ] * ?` break the pattern for resuming
 * and clean-up, quotes and backslashes the JSON text, and a slash puts the run where no tool looks for it.
 */
export function trainingNameProblem(name: string): string | undefined {
  if (name.trim() === "") return "it is empty";
  const bad = /[[\]*?"\\/\u0000-\u001f\u007f]/.exec(name)?.[0];
  if (bad !== undefined)
    return `it contains ${JSON.stringify(bad)}, which ai-toolkit cannot live with in a name`;
  if (name.startsWith(".")) return "it begins with a dot, which hides the run's folder";
  return beginningProblem(name);
}
