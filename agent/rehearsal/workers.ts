// Stand-ins for the DataLoader's worker processes: same process group, same open log, same ways to outlive their parent.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { FaultKind } from "./faults.ts";

export interface Workers {
  /** The normal end: all are gone when this resolves. */
  stop(): Promise<void>;
}

/** After their parent died, real workers notice it within seconds; up to 7 s were measured (ai-toolkit.md §7). */
const ORPHAN_SECONDS = 5;
/** Long enough to outlast any patient supervisor, short enough not to litter a machine when nobody kills them. */
const STUBBORN_SECONDS = 120;

/** Stubborn ones ignore INT and TERM and are left behind even at a normal end; some of those in a session of their own. */
export function startWorkers(count: number, fault: FaultKind | undefined): Workers {
  const stubborn = fault === "orphans" || fault === "escapes";
  const script = stubborn
    ? `trap '' INT TERM; exec sleep ${STUBBORN_SECONDS}`
    : `read -r _ || exec sleep ${ORPHAN_SECONDS}`;
  const children = Array.from({ length: count }, () => start(script, fault === "escapes"));
  return {
    async stop() {
      if (stubborn) return;
      await Promise.all(children.map(end));
    },
  };
}

function start(script: string, escapes: boolean): ChildProcess {
  // stdin is a pipe that nobody writes to: it ends when this process does, however it does.
  const child = spawn("/bin/sh", ["-c", script], {
    stdio: ["pipe", "inherit", "inherit"],
    detached: escapes,
  });
  child.unref();
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.ref();
  child.kill("SIGKILL");
  await gone;
}
