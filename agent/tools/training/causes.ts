// Why a run failed: what its log ends with and how its process ended → one sentence and what to do.
import { CAUSES, type Cause } from "./cause-table.ts";

const SAID = "Error running job: ";
/** Of a message of several lines, those that can tell anything. */
const SAID_LINES_MAX = 12;
const SHOWN_CHARS_MAX = 300;

/** The trainer's own message, all its lines; empty when it gave none. */
function message(lines: readonly string[]): readonly string[] {
  const at = lines.findLastIndex((line) => line.startsWith(SAID));
  if (at < 0) return [];
  const block = lines.slice(at, at + SAID_LINES_MAX);
  const end = block.findIndex((line) => /^(=+$|Traceback |Error running on_error)/.test(line));
  return [(block[0] ?? "").slice(SAID.length), ...block.slice(1, end < 0 ? undefined : end)];
}

const isTraceback = (line: string | undefined) =>
  line?.endsWith("Traceback (most recent call last):") === true;
const EXCEPTION = /^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Timeout)\b/;

/** The last traceback with those that led to it. Ones that were dealt with before are not what ended the run. */
function lastTraceback(lines: readonly string[]): readonly string[] {
  let at = lines.findLastIndex(isTraceback);
  if (at < 0) return [];
  for (;;) {
    const before = lines[at - 1] ?? "";
    const isChained = /^(During handling of the above|The above exception was the direct cause)/.test(before);
    const earlier = lines.slice(0, at).findLastIndex(isTraceback);
    // Two processes may print theirs at once.
    if (earlier < 0 || !(isChained || isTraceback(before))) return lines.slice(at);
    at = earlier;
  }
}

const BY_SIGNAL: Readonly<Record<number, Cause>> = {
  137: {
    reason: "Killed (signal 9), most likely because the machine ran out of memory (RAM)",
    hint: "Close other programs, lower num_workers or the resolution, then start again with resume: true",
  },
  143: {
    reason: "Ended from outside (signal 15)",
    hint: "Start it again with resume: true to go on from the last checkpoint",
  },
  134: {
    reason: "The trainer crashed in native code (signal 6)",
    hint: "Start it again with resume: true; if it comes back, update the NVIDIA driver and PyTorch",
  },
  135: {
    reason: "The trainer crashed (signal 7): a disk or the shared memory gave way under it",
    hint: "Look for free space and disk errors, set num_workers: 0, then start again with resume: true",
  },
  139: {
    reason: "The trainer crashed in native code (signal 11)",
    hint: "Start it again with resume: true; if it comes back, update the NVIDIA driver and PyTorch",
  },
};

const LOST: Cause = {
  reason: "Lost: the trainer's process is gone without a word (the machine was restarted, or it was killed)",
  hint: "Start it again with resume: true to go on from the last checkpoint",
};

/** `lines`: the end of the log, cleaned. `exitCode` null: the process is gone and left no status. */
export function causeOf(lines: readonly string[], exitCode: number | null): Cause {
  const own = message(lines);
  const bySignal = exitCode === null ? LOST : BY_SIGNAL[exitCode];
  // Who was killed could not say why, and what stands in the log was dealt with.
  if (own.length === 0 && bySignal) return bySignal;
  const said = own[0] ?? lines.findLast((line) => EXCEPTION.test(line));
  const text = evidence(lines, own, said).join("\n");
  const known = CAUSES.find(({ pattern }) => pattern.test(text));
  const shown = said?.slice(0, SHOWN_CHARS_MAX);
  if (known) return { reason: shown ? `${known.reason}: ${shown}` : known.reason, hint: known.hint };
  if (shown) return { reason: shown, hint: "get_training_logs shows the lines before it" };
  return {
    reason: `The trainer ended with exit code ${exitCode} and did not say why`,
    hint: "get_training_logs shows its last lines",
  };
}

/** What may be searched for a cause. Earlier errors that the trainer dealt with stand in the log, too. */
function evidence(
  lines: readonly string[],
  own: readonly string[],
  said: string | undefined,
): readonly string[] {
  if (said === undefined) return lines;
  const traceback = lastTraceback(lines);
  // A data loader's worker that dies with the run prints one of its own.
  const isItsOwn = own.length === 0 || traceback.some((line) => line.includes(said));
  return [...own, said, ...(isItsOwn ? traceback : [])];
}
