// Folders for one measurement, gone when the bench ends.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];
process.once("exit", () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-bench-"));
  made.push(folder);
  return folder;
}
