// A trainer's raw output → lines a person would see: progress bars overwrite themselves with \r, and move the cursor.

/** Escape sequences of terminals (ECMA-48 CSI), e.g. the `ESC [ A` that tqdm uses for nested bars. */
const ESCAPES = /\u001b\[[0-?]*[ -/]*[@-~]/g;
/** What else must not reach a reader's terminal. Tab stays. */
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
/** A line longer than this is shown cut: one bar without newline must not fill an answer. */
const LINE_MAX_CHARS = 2_000;

/** What one line shows in the end: the last text that is not blank between carriage returns. */
function visible(line: string): string {
  const written = line.split("\r").filter((part) => part.trim() !== "");
  return (written.at(-1) ?? "").replace(ESCAPES, "").replace(CONTROLS, "").trimEnd();
}

/** Everything that was drawn or printed on its own, oldest first: states of bars, and lines. */
export function segments(raw: string): string[] {
  return raw.replace(ESCAPES, "").split(/[\r\n]/);
}

/** In an answer beside many other things. */
const LAST_LINE_MAX_CHARS = 160;

/** The bracket that closes the config's echo tells nobody anything. */
const TELLS = /[\p{L}\p{N}]/u;

/** The last thing a person would see, cut short; null when there is nothing. */
export function lastLine(raw: string): string | null {
  const line = cleanLines(raw.slice(-4 * LINE_MAX_CHARS)).findLast((each) => TELLS.test(each));
  return line?.slice(0, LAST_LINE_MAX_CHARS) ?? null;
}

/** Lines oldest first, bars folded into their last state, blank lines left out. */
export function cleanLines(raw: string): string[] {
  return raw
    .split("\n")
    .map(visible)
    .filter((line) => line !== "")
    .map((line) => (line.length > LINE_MAX_CHARS ? `${line.slice(0, LINE_MAX_CHARS)}…` : line));
}
