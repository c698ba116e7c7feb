// What runs in the process of check-process.ts: checks for the parent process, until that has gone, or for a while has
// asked for nothing.
import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import * as v from "valibot";
import type { Link } from "../../../../shared/link.ts";
import { Peer } from "../../../../shared/peer.ts";
import { checkDataset } from "../../../../shared/tools/dataset-check.ts";
import { type Channel, ipcLink } from "../../../ipc-link.ts";
import { DatasetChecks } from "./dataset-checks.ts";

/** A check that is asked for after this finds another process. */
const IDLE_MS = 60_000;

const Paths = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ datasets: v.string(), datasetRoots: v.array(v.string()), state: v.string() }),
);

/** @param argument the paths, as JSON. Resolves with the exit code */
export async function serveChecks(argument: string | undefined): Promise<number> {
  giveWay();
  const checks = new DatasetChecks({ paths: v.parse(Paths, argument) });
  await serveChecksOn(ipcLink(process as unknown as Channel), checks); // with a channel, for it was forked
  checks[Symbol.dispose]();
  return 0;
}

/** Resolves when the link has ended: by the other end, or after `idleMs` in which there was nothing to do. */
export async function serveChecksOn(link: Link, checks: DatasetChecks, idleMs = IDLE_MS): Promise<void> {
  new Peer(link, {
    serve: (_tool, input, context) => checks.check(v.parse(checkDataset.input, input), context),
    onBug: (error) => console.error(error),
  });
  let busyAtMs = performance.now();
  const looking = setInterval(() => {
    if (!checks.isIdle) busyAtMs = performance.now();
    else if (performance.now() - busyAtMs > idleMs) link.close();
  }, idleMs / 10);
  await new Promise<void>((resolve) => link.onClose(() => resolve()));
  clearInterval(looking);
}

/** Before the trainer and the agent it is this process that waits, and that goes when the memory is full. */
function giveWay(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // Not Linux, or not allowed: then it is one among others.
  }
}
