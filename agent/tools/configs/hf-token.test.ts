import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hasHfToken } from "./hf-token.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "hf-token-"));
});
afterEach(() => rm(root, { recursive: true }));

test("D22: no token anywhere is none", async () => {
  expect(await hasHfToken(root, { HOME: root, HF_TOKEN: "" })).toBe(false);
  expect(await hasHfToken(root, {})).toBe(false);
});

test("D22: the environment, .env beside run.py and the login's file all count", async () => {
  expect(await hasHfToken(root, { HF_TOKEN: "hf_x" })).toBe(true);
  await writeFile(join(root, ".env"), "# HF_TOKEN=old\nHF_TOKEN=\n");
  expect(await hasHfToken(root, {})).toBe(false);
  await writeFile(join(root, ".env"), "SEED=1\nHF_TOKEN=hf_x\n");
  expect(await hasHfToken(root, {})).toBe(true);
  const home = join(root, "home");
  await mkdir(join(home, ".cache/huggingface"), { recursive: true });
  await writeFile(join(home, ".cache/huggingface/token"), "hf_x");
  expect(await hasHfToken(join(root, "elsewhere"), { HOME: home })).toBe(true);
  expect(await hasHfToken(join(root, "elsewhere"), { HF_HOME: join(home, ".cache/huggingface") })).toBe(true);
});
