// Text from a client that ends up in a config file.

/** Outside of these PyYAML refuses to read the file. */
const READABLE = /^[\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
/** PyYAML folds these like line ends, inside quotes as well. */
const LINE_ENDS = /[\u2028\u2029]/;

/**
 * Why this text cannot stand in a config, as the end of a sentence, or undefined if it can.
 * ai-toolkit replaces `${NAME}` by environment variables before it parses the file, and there is no way to escape it:
 * an unknown name ends the job, a known one puts a secret into logs and checkpoints.
 */
export function userTextProblem(text: string): string | undefined {
  if (text.includes("${")) return "must not contain ${, which ai-toolkit replaces by environment variables";
  if (!READABLE.test(text) || LINE_ENDS.test(text))
    return "contains a character that a YAML file cannot hold";
  return undefined;
}
