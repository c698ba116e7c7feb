// How a run has ended of which only the folder is left. Nobody has kept its exit code, so most of it stays unknown.
import { join } from "node:path";
import type { Ending } from "../training/job-store.ts";
import { tailLog } from "../training/log-file.ts";
import { verdict } from "../training/verdict.ts";
import { isOwnFile } from "./own-file.ts";

export type FolderEnding = Pick<Ending, "status" | "reason" | "hint">;

/** Lines of the log that a verdict is based on. */
const LINES = 300;

/** What the web UI and `run.py --log` make of the trainer's output. */
export const logOf = (folder: string) => join(folder, "log.txt");

/** The end of the last session's log, cleaned; empty where there is none. */
export async function readLines(folder: string): Promise<readonly string[]> {
  const log = logOf(folder);
  const lines = (await isOwnFile(log)) ? (await tailLog(log, LINES)).lines : [];
  // `run.py --log` goes on in the same file: what an earlier session said is over.
  return lines.slice(
    Math.max(
      0,
      lines.findLastIndex((line) => line.startsWith("# Running job: ")),
    ),
  );
}

export interface FolderEvidence {
  /** A whole final file is there, with all the steps that the config asks for. */
  readonly isFinished: boolean;
  /** There is a checkpoint that a resume would go on from. */
  readonly resumable: boolean;
  readonly step: number | null;
  readonly totalSteps: number | null;
  readonly lines: readonly string[];
}

const SAYS_MORE = "get_training_samples and get_run_record show what it left";

function unfinished(step: number | null, totalSteps: number | null): string {
  if (step === null) return "It left no step of a training; how it ended is not known";
  const of = totalSteps === null ? "" : ` of ${totalSteps}`;
  return `It goes no further than step ${step}${of}; how it ended is not known`;
}

export function folderEnding(evidence: FolderEvidence): FolderEnding {
  const { isFinished, resumable, step, totalSteps, lines } = evidence;
  if (isFinished) return { status: "completed", reason: null, hint: null };
  // Who has said such a thing has ended by it, with exit code 1.
  if (lines.some((line) => line.startsWith("Error running job: ") || line === "Job stopped")) {
    const found = verdict({
      exitCode: 1,
      stopRequested: false,
      reported: undefined,
      finalFile: false,
      resumable,
      lines,
    });
    return { status: found.status, reason: found.reason, hint: found.hint };
  }
  return { status: "stopped", reason: unfinished(step, totalSteps), hint: SAYS_MORE };
}
