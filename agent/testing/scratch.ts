// For tests: a folder of the test that asks for it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A new folder, removed when the running test is over. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-scratch-"));
  // Whom the test has just killed may still be writing.
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}
