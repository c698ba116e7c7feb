// For tests: an ai-toolkit as it was on some day, in a folder with a Python of its own. Inside, the rehearsal plays it.
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const REHEARSAL = join(import.meta.dirname, "../rehearsal/main.ts");

/** What DiffusionTrainer.py said from that day on, as far as it is looked for. */
const REPORTER = [
  [
    "2025-09-16",
    'self.job_id = os.environ.get("AITK_JOB_ID", None)\ncursor.execute("SELECT stop FROM Job WHERE id = ?")',
  ],
  ["2026-05-26", 'cursor.execute("SELECT save_now FROM Job WHERE id = ?", (self.job_id,))'],
  ["2026-07-17", 'cursor.execute("SELECT sample_now FROM Job WHERE id = ?", (self.job_id,))'],
] as const;

/** @param day of the checkout, like 2025-06-01 */
export async function installToolkit(folder: string, day: string): Promise<void> {
  const source = REPORTER.filter(([since]) => day >= since).map(([, text]) => text);
  const python = `#!/bin/sh
# called as: python run.py CONFIG
shift
export NODE_COMPILE_CACHE='${process.env["NODE_COMPILE_CACHE"] ?? ""}'
export REHEARSAL_TOOLKIT=${day} REHEARSAL_STEP_MS=5 REHEARSAL_LOAD_MS=0 REHEARSAL_SAVE_MS=0 REHEARSAL_SAMPLE_MS=0
exec '${process.execPath}' '${REHEARSAL}' "$@"
`;
  const files: Readonly<Record<string, string>> = {
    "run.py": "# played by a rehearsal\n",
    "venv/bin/python": python,
    ...(source.length > 0 && {
      "extensions_built_in/sd_trainer/DiffusionTrainer.py": source.join("\n"),
    }),
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  await chmod(join(folder, "venv/bin/python"), 0o755);
}
