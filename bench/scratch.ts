// Folders for one measurement, gone when the bench ends.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
