// Request bodies: bounded, parsed, and looked at for shapes that only an attacker sends.
import { invalid, ToolError } from "../shared/errors.ts";

/** Bodies that may carry images as base64. */
export const MAX_UPLOAD_BODY_BYTES = 64 * 1024 * 1024;
/** All other bodies. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** No honest call nests deeper; some JSON consumers recurse. */
const MAX_DEPTH = 64;
const MEGABYTE = 1024 * 1024;

/** What is kept of a body that is too large: arguments before a data set's images are short. */
const START_BYTES = 16 * 1024;
/** Who says that it is too large and sends nothing, is refused without. */
const START_MS = 2_000;

/** A body that was not read to its end. */
export class BodyTooLarge extends ToolError {
  /** How it began, as far as that is known; of one that might have been an upload. */
  readonly start: string;

  constructor(limitBytes: number, start = "") {
    const limit = limitBytes < MEGABYTE ? `${limitBytes / 1024} KB` : `${limitBytes / MEGABYTE} MB`;
    super("too_large", `The request body is larger than ${limit}`, {
      hint: "Upload fewer images per call, or make an upload link (create_upload_link), which takes a data set of any size",
    });
    this.start = limitBytes === MAX_UPLOAD_BODY_BYTES ? start.slice(0, START_BYTES) : "";
  }
}

export interface JsonBody {
  readonly value: unknown;
  readonly bytes: number;
}

/**
 * Reads and parses a JSON body.
 * @param withinMs for small bodies: a big one on a slow line may take as long as it moves
 * @throws ToolError too_large beyond `maxBytes`; invalid_input when it is no JSON, too deep, or names `__proto__`; timeout
 */
export async function readJsonBody(request: Request, maxBytes: number, withinMs?: number): Promise<JsonBody> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) {
    if (maxBytes < MAX_UPLOAD_BODY_BYTES) throw new BodyTooLarge(maxBytes);
    throw new BodyTooLarge(maxBytes, await inTime(startOf(request), START_MS).catch(() => ""));
  }
  // A declared length is enforced by the runtime; without one the bytes have to be counted.
  const reading = declared > 0 ? request.text() : readText(request.body, maxBytes);
  const text = withinMs === undefined ? await reading : await inTime(reading, withinMs);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(
      "The request body is not valid JSON",
      "Send one JSON document, Content-Type: application/json",
    );
  }
  const problem = oddShape(value);
  if (problem) throw invalid(`The request body ${problem}`);
  return { value, bytes: declared || text.length };
}

async function inTime(reading: Promise<string>, ms: number): Promise<string> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new ToolError("timeout", `The request body did not come within ${ms / 1_000} s`);
  const timer = setTimeout(() => reject(late), ms);
  try {
    return await Promise.race([reading, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Its first piece, whose end may lie within a character. */
async function startOf({ body }: Request): Promise<string> {
  const reader = body?.getReader();
  const piece = await reader?.read().catch(() => undefined); // the client has left: nobody reads the answer
  void reader?.cancel().catch(() => {});
  return new TextDecoder().decode(piece?.value?.subarray(0, START_BYTES));
}

/** @throws ToolError too_large */
export async function readText(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string> {
  if (!body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new BodyTooLarge(maxBytes, text);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function oddShape(root: unknown): string | undefined {
  let level: object[] = typeof root === "object" && root !== null ? [root] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
    const next: object[] = [];
    for (const value of level) {
      if (Object.hasOwn(value, "__proto__")) return "has a key '__proto__'";
      for (const inner of Object.values(value))
        if (typeof inner === "object" && inner !== null) next.push(inner);
    }
    level = next;
  }
  return undefined;
}
