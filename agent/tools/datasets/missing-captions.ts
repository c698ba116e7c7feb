// `missing_captions` of get_dataset_info: the old server printed a Rust list with `{:?}`, and its callers parse that.

const SHOWN = 10;

/** One string as Rust's `{:?}` prints it. */
function rustDebug(text: string): string {
  const escapes: Record<string, string> = {
    "\0": "\\0",
    "\t": "\\t",
    "\n": "\\n",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
  };
  const escaped = text.replaceAll(
    /[\p{Cc}"\\]/gu,
    (character) => escapes[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return `"${escaped}"`;
}

/** `[]`, `["a.png", "b.png"]`, or above ten `12 images missing captions (showing first 10): [...]`. */
export function missingCaptionsText(files: readonly string[]): string {
  const list = `[${files.slice(0, SHOWN).map(rustDebug).join(", ")}]`;
  return files.length > SHOWN
    ? `${files.length} images missing captions (showing first ${SHOWN}): ${list}`
    : list;
}
