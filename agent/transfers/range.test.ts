import { expect, test } from "vitest";
import { wantedPart } from "./range.ts";

const version = { sizeBytes: 1_000, etag: '"v1"', modified: new Date("2026-11-29T10:00:00.789Z") };
const part = (start: number, end: number) => ({ kind: "part", start, end });

test.each([
  ["", { kind: "whole" }],
  ["bytes=0-", part(0, 999)],
  ["bytes=500-", part(500, 999)],
  ["bytes=0-0", part(0, 0)],
  ["bytes=990-5000", part(990, 999)],
  ["bytes=-10", part(990, 999)],
  ["bytes=-5000", part(0, 999)],
  ["bytes=1000-", { kind: "unsatisfiable" }],
  ["bytes=99999999999999999999-", { kind: "unsatisfiable" }],
  ["bytes=-0", { kind: "unsatisfiable" }],
  ["bytes=5-2", { kind: "whole" }],
  ["bytes=-", { kind: "whole" }],
  ["bytes=0-1,5-6", { kind: "whole" }],
  ["lines=1-2", { kind: "whole" }],
  ["bytes=a-b", { kind: "whole" }],
])("Range: %s", (range, wanted) => {
  expect(wantedPart(new Headers(range ? { range } : {}), version, false)).toEqual(wanted);
});

test("of an empty file there is no part", () => {
  const empty = { ...version, sizeBytes: 0 };
  for (const range of ["bytes=0-", "bytes=-5"])
    expect(wantedPart(new Headers({ range }), empty, false)).toEqual({ kind: "unsatisfiable" });
});

test.each([
  ['"v1"', part(5, 999)],
  ['"v2"', { kind: "whole" }],
  ['W/"v1"', { kind: "whole" }],
  ["Sun, 29 Nov 2026 10:00:00 GMT", part(5, 999)],
  ["Sun, 29 Nov 2026 10:00:01 GMT", { kind: "whole" }],
  ["Sun, 29 Nov 2026 11:00:00 GMT", { kind: "whole" }],
  ["yesterday", { kind: "whole" }],
])("the part is sent only if the client has the beginning of the same bytes: If-Range: %s", (tag, wanted) => {
  expect(wantedPart(new Headers({ range: "bytes=5-", "if-range": tag }), version, false)).toEqual(wanted);
});

test.each([
  [{ "if-none-match": '"v0", "v1"' }, { kind: "unchanged" }],
  [{ "if-none-match": 'W/"v1"' }, { kind: "unchanged" }],
  [{ "if-none-match": "*" }, { kind: "unchanged" }],
  [{ "if-none-match": '"v0"' }, { kind: "whole" }],
  [{ "if-match": '"v0"' }, { kind: "changed" }],
  [{ "if-match": '"v0", "v1"', range: "bytes=1-1" }, part(1, 1)],
  [{ "if-match": "*" }, { kind: "whole" }],
])("%j", (headers, wanted) => {
  expect(wantedPart(new Headers(headers), version, false)).toEqual(wanted);
});

test("a HEAD is about the whole", () => {
  expect(wantedPart(new Headers({ range: "bytes=5-" }), version, true)).toEqual({ kind: "whole" });
});
