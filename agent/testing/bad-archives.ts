// For tests: uploads that are refused as a whole, and a word of why.
import type { BadArchive } from "./archives.ts";
import { BAD_TARS } from "./bad-tars.ts";
import { BAD_ZIPS } from "./bad-zips.ts";
import { randomBytes } from "./downloads.suite.ts";

export const BAD_ARCHIVES: readonly BadArchive[] = [
  ...BAD_ZIPS,
  ...BAD_TARS,
  ["another kind of archive", () => Buffer.from("Rar!\x1a\x07 and more"), "rar archive"],
  ["no archive at all", () => randomBytes(4_096), "nothing in it that ai-toolkit trains on"],
  ["nothing", () => Buffer.alloc(0), "empty"],
];
