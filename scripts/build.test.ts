import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PAGE_SCRIPT } from "../agent/transfers/page-script.ts";
import { buildInto } from "./build.ts";

test("what ships leaves native code outside, for it looks for its binary beside itself", async () => {
  const folder = await mkdtemp(join(tmpdir(), "build-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await buildInto(folder);
  const bundle = await readFile(join(folder, "mcp-ai-toolkit.js"), "utf8");
  // Not toContain: it would print the whole of it.
  expect(bundle.includes("node-gyp-build")).toBe(false);
  // A part that was not bundled would be looked for beside the bundle, by the first command that needs it.
  expect(bundle.match(/\b(?:require\d*|import)\(["']\.{1,2}\/[^)]*\)/g)).toBeNull();
  // The upload page's policy names its script by its hash: escaped by a letter, it would not run.
  expect(bundle.includes(PAGE_SCRIPT)).toBe(true);
  expect(["bufferutil", "sharp"].filter((native) => !bundle.includes(`"${native}"`))).toEqual([]);
});
