// npm run bench [-- NAME …]: ratios measured side by side in one run; of those named, or all. Figures inform; nothing fails
// because of them. BENCH_MIB sets how large the file of `transfers` and `archives` is: 2048 MiB, or 64 for a quick run.
import { existsSync } from "node:fs";
import { benchAnswers } from "./answers.ts";
import { benchArchives } from "./archives.ts";
import { benchCalls } from "./calls.ts";
import { benchDatasetCheck } from "./dataset-check.ts";
import { benchForeignRuns } from "./foreign-runs.ts";
import { benchLaunch } from "./launch.ts";
import { benchLink } from "./link.ts";
import { benchLists } from "./lists.ts";
import { benchMcpCost } from "./mcp-cost.ts";
import type { Result } from "./measure.ts";
import { BUILT } from "./program.ts";
import { benchSlowLine } from "./slow-transfers.ts";
import { benchStart } from "./start.ts";
import { benchTransfers } from "./transfers.ts";
import { benchWatching } from "./watching.ts";

const BENCHES = {
  calls: benchCalls,
  mcp: benchMcpCost,
  link: benchLink,
  transfers: benchTransfers,
  slow: benchSlowLine,
  start: benchStart,
  lists: benchLists,
  runs: benchForeignRuns,
  datasets: benchDatasetCheck,
  answers: benchAnswers,
  launch: benchLaunch,
  watching: benchWatching,
  archives: benchArchives,
} as const satisfies Record<string, () => Promise<Result[]>>;

if (!existsSync(BUILT)) throw new Error("Build it first: npm run build");
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`No bench called ${unknown.join(", ")}; there are: ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  for (const { what, figure, target, ok } of await bench()) {
    console.log(`  ${ok ? "✓" : "✗"} ${what}\n      ${figure}   (target ${target})`);
  }
}
process.exit(0);
