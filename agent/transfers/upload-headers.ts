// What requests of uploads say in their headers, and answers in theirs: those of tus 1.0.0, and those of HTTP itself.
import { invalid } from "../../shared/errors.ts";
import { CHECKSUMS, type Checksum } from "./staging.ts";

export const TUS = { "tus-resumable": "1.0.0", "cache-control": "no-store" };
export const TUS_OPTIONS = {
  ...TUS,
  "tus-version": "1.0.0",
  "tus-extension": "creation,creation-defer-length,checksum,termination",
  "tus-checksum-algorithm": CHECKSUMS.join(","),
};
/** tus: "460 Checksum Mismatch". */
export const CHECKSUM_MISMATCH = 460;

/** @throws ToolError invalid_input */
export function numberOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const number = Number(header);
  if (/^\d{1,15}$/.test(header.trim())) return number;
  throw invalid("A length or offset must be a whole number of bytes");
}

/**
 * Which part of a whole a PUT brings; undefined: all of it.
 * @throws ToolError invalid_input for one that does not say so: taken for the whole, it would begin anew
 */
export function partOf(headers: Headers): { readonly start: number; readonly length: number } | undefined {
  const range = headers.get("content-range");
  if (range === null) return undefined;
  const [, start, length] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(range) ?? [];
  if (start !== undefined && length !== undefined) return { start: Number(start), length: Number(length) };
  throw invalid("Content-Range has to say which part it is, and of how much: bytes 100-199/200");
}

/** How long the whole is, as a PUT says it. @throws ToolError invalid_input */
export const sizeOf = (headers: Headers) =>
  partOf(headers)?.length ?? numberOf(headers.get("content-length"));

/** Where a PATCH begins, and how long the whole is, if it says so. @throws ToolError invalid_input */
export function placeOf(headers: Headers): { readonly at: number; readonly length: number | undefined } {
  const at = numberOf(headers.get("upload-offset"));
  if (at === undefined) throw invalid("Say where this part begins: Upload-Offset");
  return { at, length: numberOf(headers.get("upload-length")) };
}

/** RFC 9530: of the whole, whatever part of it this request carries. Hex. */
export function wholeDigest(headers: Headers): string | null {
  const [, base64] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):/.exec(headers.get("repr-digest") ?? "") ?? [];
  return base64 === undefined ? null : Buffer.from(base64, "base64").toString("hex");
}

/** tus: `filename <base64>` among comma-separated pairs. */
export function fileNameOf(metadata: string | null): string | undefined {
  for (const pair of metadata?.split(",") ?? []) {
    const [key, value] = pair.trim().split(" ");
    if ((key === "filename" || key === "name") && value) return Buffer.from(value, "base64").toString("utf8");
  }
  return undefined;
}

/** @throws ToolError invalid_input for an algorithm that we do not know */
export function checksumOf(header: string | null): Checksum | undefined {
  if (header === null) return undefined;
  const [algorithm, base64] = header.trim().split(" ");
  const known = CHECKSUMS.find((each) => each === algorithm);
  if (known && base64) return { algorithm: known, base64 };
  throw invalid(`Upload-Checksum takes ${CHECKSUMS.join(" and ")}`);
}
