// Which part of a file a request asks for: RFC 9110 §13 and §14. Pure.

export interface Version {
  readonly sizeBytes: number;
  /** Strong: the same tag means the same bytes. */
  readonly etag: string;
  readonly modified: Date;
}

export type Part =
  | { readonly kind: "whole" }
  /** `end` is the last byte, as in HTTP. */
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "changed" };

/** HTTP dates have no fractions of a second. */
const seconds = (date: Date) => Math.floor(date.getTime() / 1_000);

function tagsOf(header: string): string[] {
  return header.split(",").map((tag) => tag.trim());
}

/** Are the bytes that the client has those of this version? A date proves nothing unless it is exactly ours. */
function isSame(ifRange: string, { etag, modified }: Version): boolean {
  if (ifRange.startsWith('"') || ifRange.startsWith("W/")) return ifRange === etag;
  return seconds(new Date(ifRange)) === seconds(modified);
}

/** @param isHead a HEAD has no parts: it is about the whole */
export function wantedPart(headers: Headers, version: Version, isHead: boolean): Part {
  const [ifMatch, ifNoneMatch] = [headers.get("if-match"), headers.get("if-none-match")];
  if (ifMatch !== null && ifMatch.trim() !== "*" && !tagsOf(ifMatch).includes(version.etag))
    return { kind: "changed" };
  if (ifNoneMatch !== null) {
    const tags = tagsOf(ifNoneMatch).map((tag) => tag.replace(/^W\//, ""));
    if (ifNoneMatch.trim() === "*" || tags.includes(version.etag)) return { kind: "unchanged" };
  }
  const [range, ifRange] = [headers.get("range"), headers.get("if-range")];
  if (range === null || isHead || (ifRange !== null && !isSame(ifRange.trim(), version)))
    return { kind: "whole" };
  return partOf(range, version.sizeBytes);
}

/** What cannot be understood, and several ranges at once, are answered with the whole, as RFC 9110 §14.2 has it. */
function partOf(range: string, sizeBytes: number): Part {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range.trim()) ?? [];
  if (first === "" && last === "") return { kind: "whole" };
  if (first === "") {
    const count = Math.min(Number(last), sizeBytes);
    return count === 0
      ? { kind: "unsatisfiable" }
      : { kind: "part", start: sizeBytes - count, end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== "" && Number(last) < start) return { kind: "whole" };
  return start >= sizeBytes ? { kind: "unsatisfiable" } : { kind: "part", start, end };
}
