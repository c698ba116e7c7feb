// What only looks like Python: exceptions, tracebacks, json.dumps and number formats, as run.py's users see them.

/** One line pair of a traceback. Files are given relative to the toolkit, like "toolkit/data_loader.py". */
export interface Frame {
  readonly file: string;
  readonly line: number;
  readonly scope: string;
  readonly code: string;
}

/** An exception of the real trainer: `type` is its Python name, the message is what str(e) gives. */
export class PythonError extends Error {
  readonly type: string;
  readonly frames: readonly Frame[];

  constructor(type: string, message: string, frames: readonly Frame[] = []) {
    super(message);
    this.type = type;
    this.frames = frames;
  }
}

/** Ctrl+C. Not a PythonError: nothing that handles errors may handle this. */
export class KeyboardInterrupt extends Error {}

const OS_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: "FileNotFoundError",
  EEXIST: "FileExistsError",
  EACCES: "PermissionError",
  EPERM: "PermissionError",
  EISDIR: "IsADirectoryError",
  ENOTDIR: "NotADirectoryError",
  EPIPE: "BrokenPipeError",
};

interface SystemError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly path?: string;
}

function isSystemError(thrown: unknown): thrown is SystemError {
  return (
    thrown instanceof Error && "errno" in thrown && typeof thrown.errno === "number" && "syscall" in thrown
  );
}

/** Turns whatever was thrown into what Python would have raised: a full disk here is a full disk there. */
export function toPythonError(thrown: unknown): PythonError {
  if (thrown instanceof PythonError) return thrown;
  if (isSystemError(thrown)) {
    // Node: "ENOSPC: no space left on device, write"
    const reason = /^[A-Z0-9]+: ([^,]*)/.exec(thrown.message)?.[1] ?? thrown.message;
    const text = reason.charAt(0).toUpperCase() + reason.slice(1);
    const path = thrown.path === undefined ? "" : `: '${thrown.path}'`;
    return new PythonError(OS_ERRORS[thrown.code] ?? "OSError", `[Errno ${-thrown.errno}] ${text}${path}`);
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof Error && "code" in thrown && thrown.code === "ERR_SQLITE_ERROR") {
    return new PythonError("sqlite3.OperationalError", message);
  }
  // A mistake in the rehearsal itself: keep the real stack, someone has to find it.
  return new PythonError("RuntimeError", thrown instanceof Error ? (thrown.stack ?? message) : message);
}

export function traceback(error: PythonError, callers: readonly Frame[], toolkit: string): string {
  const frames = [...callers, ...error.frames].map(
    ({ file, line, scope, code }) => `  File "${toolkit}/${file}", line ${line}, in ${scope}\n    ${code}\n`,
  );
  const words = error.message === "" ? error.type : `${error.type}: ${error.message}`;
  return `Traceback (most recent call last):\n${frames.join("")}${words}\n`;
}

/** json.dumps: ASCII only, a blank after each `:` and `,`. Whole floats print as integers: YAML and JSON lose the difference here. */
export function dumps(value: unknown, indent?: number): string {
  return encode(value, indent, "\n");
}

function encode(value: unknown, indent: number | undefined, newline: string): string {
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "string") return ascii(JSON.stringify(value));
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const inner = indent === undefined ? "" : newline + " ".repeat(indent);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const items = Array.isArray(value)
    ? value.map((item) => encode(item, indent, inner))
    : Object.entries(value).map(
        ([key, item]) => `${ascii(JSON.stringify(key))}: ${encode(item, indent, inner)}`,
      );
  if (items.length === 0) return `${open}${close}`;
  const separator = indent === undefined ? ", " : `,${inner}`;
  return `${open}${inner}${items.join(separator)}${indent === undefined ? "" : newline}${close}`;
}

const ascii = (text: string) =>
  text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** repr() of a number: `1e-05` where JavaScript says `0.00001`. */
function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value !== 0 && Math.abs(value) < 1e-4) return padExponent(value.toExponential());
  return padExponent(String(value));
}

/** f"{value:.{digits}e}": at least two digits of exponent. */
export function formatExponent(value: number, digits: number): string {
  return Number.isFinite(value) ? padExponent(value.toExponential(digits)) : String(value).toLowerCase();
}

const padExponent = (text: string) => text.replace(/e([+-])(\d)$/, "e$10$2");
