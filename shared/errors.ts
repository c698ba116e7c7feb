// The one list of errors. They are thrown as ToolError anywhere and become HTTP or MCP answers only at the edges.

/** `http`: status on REST and JSON routes. `retry`: the same call may succeed later without a change. */
export const ERRORS = {
  invalid_input: { http: 400, retry: false },
  unauthorized: { http: 401, retry: false },
  forbidden: { http: 403, retry: false },
  not_found: { http: 404, retry: false },
  conflict: { http: 409, retry: false },
  trainer_missing: { http: 409, retry: false },
  too_large: { http: 413, retry: false },
  /** What it is about is at work on something that has to end first. */
  busy: { http: 423, retry: true },
  cancelled: { http: 499, retry: true },
  internal: { http: 500, retry: false },
  agent_error: { http: 502, retry: true },
  agent_offline: { http: 503, retry: true },
  overloaded: { http: 503, retry: true },
  timeout: { http: 504, retry: true },
  disk_full: { http: 507, retry: false },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  /** What the caller can do next, one sentence. */
  readonly hint?: string | undefined;
  /**
   * The JSON the old server answered in this case ("soft error"). It stays the body of the answer, and REST stays
   * HTTP 200, so that callers which parse it keep working.
   */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** What the link tools answer, where a link does what was refused. A router's word, which crosses no wire. */
  readonly link?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** An error whose message is meant for the caller. Anything else that is thrown is a bug and stays in the log. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly link: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.body = details.body;
    this.link = details.link;
  }
}

/** The old server's way to say no: a JSON body with `error`, answered as HTTP 200 on REST. */
export function softError(
  code: ErrorCode,
  message: string,
  extra: Record<string, unknown> = {},
  hint?: string,
): ToolError {
  return new ToolError(code, message, { body: { error: message, ...extra }, hint });
}

export function invalid(message: string, hint?: string): ToolError {
  return new ToolError("invalid_input", message, { hint });
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}

/** SQLite's result code for a full disk (sqlite.org/rescode.html), in node:sqlite's errors. */
const SQLITE_FULL = 13;

/** Any thrown value as a ToolError. A bug becomes "internal" without its details: they may name paths or secrets. */
export function toToolError(thrown: unknown): ToolError {
  if (thrown instanceof ToolError) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError") {
    return new ToolError("cancelled", "The call was cancelled", { cause: thrown });
  }
  const errno = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const sqlite = thrown instanceof Error && "errcode" in thrown ? thrown.errcode : undefined;
  if (errno === "ENOSPC" || errno === "EDQUOT" || sqlite === SQLITE_FULL) {
    return new ToolError("disk_full", "No space left on the training machine's disk", {
      hint: "Free space or delete old runs, then call again; nothing was half-written",
      cause: thrown,
    });
  }
  const what = typeof errno === "string" ? ` (${errno})` : "";
  return new ToolError("internal", `Something went wrong inside the server${what}; its log has the details`, {
    cause: thrown,
  });
}

/** What the link carries of an error. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly body?: Record<string, unknown> | undefined;
}

export function toWire({ code, message, hint, body }: ToolError): WireError {
  return { code, message, ...(hint && { hint }), ...(body && { body: { ...body } }) };
}

export function fromWire({ code, message, hint, body }: WireError): ToolError {
  return new ToolError(isErrorCode(code) ? code : "agent_error", message, { hint, body });
}

const PREFIX: Partial<Record<ErrorCode, string>> = {
  invalid_input: "Invalid parameters: ",
  internal: "Internal error: ",
};

/** The message with the old server's prefix, which its callers match on. */
export function errorText(error: ToolError): string {
  return `${error.body ? "" : (PREFIX[error.code] ?? "")}${error.message}`;
}

/** The other way round: what a server of this kind, old or new, meant by its sentence. */
export function fromErrorText(text: string): {
  readonly code: ErrorCode | undefined;
  readonly message: string;
} {
  for (const [code, prefix] of Object.entries(PREFIX)) {
    if (isErrorCode(code) && text.startsWith(prefix)) return { code, message: text.slice(prefix.length) };
  }
  return { code: undefined, message: text };
}

/** The JSON of a failed tool call: the old body where there was one, always with `code`, and hint and link if we have them. */
export function errorBody(error: ToolError): Record<string, unknown> {
  const { body } = error;
  return { ...(body ?? { error: errorText(error) }), ...errorMarks(error) };
}

/** What stands beside the sentence. */
export function errorMarks({ code, hint, link }: ToolError): Record<string, unknown> {
  return { code, ...(hint && { hint }), ...(link && { link }) };
}

/** HTTP status: 200 where the old server answered 200 with a body that callers parse. */
export function errorStatus(error: ToolError): number {
  return error.body ? 200 : ERRORS[error.code].http;
}
