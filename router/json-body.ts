// Request bodies: bounded, parsed, and looked at for shapes that only an attacker sends.
import { invalid, ToolError } from "../shared/errors.ts";

/** Bodies that may carry images as base64. */
export const MAX_UPLOAD_BODY_BYTES = 64 * 1024 * 1024;
/** All other bodies. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** No honest call nests deeper; some JSON consumers recurse. */
const MAX_DEPTH = 64;
const MEGABYTE = 1024 * 1024;

export function tooLarge(limitBytes: number): ToolError {
  const limit = limitBytes < MEGABYTE ? `${limitBytes / 1024} KB` : `${limitBytes / MEGABYTE} MB`;
  return new ToolError("too_large", `The request body is larger than ${limit}`, {
    hint: "Upload fewer images per call, or make an upload link (create_upload_link), which takes a data set of any size",
  });
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
  if (declared > maxBytes) throw tooLarge(maxBytes);
  // A declared length is enforced by the runtime; without one the bytes have to be counted.
  const reading = declared > 0 ? request.text() : readText(request, maxBytes);
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

async function readText(request: Request, maxBytes: number): Promise<string> {
  if (!request.body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
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
