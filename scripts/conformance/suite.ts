// Runs the official suite's command line against a server and reads what it leaves behind.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";

export const REVISIONS = ["2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof REVISIONS)[number];

const CLI = join(import.meta.dirname, "../../node_modules/@modelcontextprotocol/conformance/dist/index.js");
/** Of one scenario. The longest wait on purpose for what must not come, for a second or two at a time. */
const SCENARIO_TIMEOUT_MS = 30_000;

const Checks = v.array(
  v.object({ id: v.string(), status: v.string(), errorMessage: v.optional(v.string()) }),
);
type Check = v.InferOutput<typeof Checks>[number];

export interface Scenario {
  readonly name: string;
  readonly checks: readonly Check[];
}

/**
 * All scenarios that `revision` requires, and those that the suite runs beside them.
 * @throws Error with what the suite printed, if it left nothing
 */
export async function runSuite(url: string, revision: Revision): Promise<Scenario[]> {
  const folder = await mkdtemp(join(tmpdir(), "conformance-"));
  try {
    const limits = ["--timeout", String(SCENARIO_TIMEOUT_MS), "--output-dir", folder];
    const args = [CLI, "server", "--url", url, "--requirements", revision, ...limits];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    await once(child, "close"); // what its exit code says is found in what it wrote
    const scenarios = await readResults(folder);
    if (scenarios.length === 0) throw new Error(`The suite ran nothing:\n${output}`);
    return scenarios;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** One folder for each scenario: `server-NAME-TIME`. */
async function readResults(folder: string): Promise<Scenario[]> {
  const found = (await readdir(folder)).flatMap((entry) => {
    const [, name] = /^server-(.+)-\d{4}-\d{2}-\d{2}T/.exec(entry) ?? [];
    return name === undefined ? [] : [{ name, file: join(folder, entry, "checks.json") }];
  });
  return Promise.all(
    found.map(async ({ name, file }) => ({
      name,
      checks: v.parse(Checks, JSON.parse(await readFile(file, "utf8"))),
    })),
  );
}
