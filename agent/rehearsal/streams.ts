// stdout and stderr as Python has them under PYTHONUNBUFFERED=1: written in order, at once, before the next line of code.
import { mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { PythonError } from "./python.ts";

export interface Streams {
  /** One line on stdout. */
  readonly print: (line: string) => void;
  /** Raw bytes on stdout, not necessarily whole characters. */
  readonly out: (bytes: Uint8Array) => void;
  /** Raw text on stderr: bars and tracebacks. */
  readonly err: (text: string) => void;
}

const FULL_PIPE_WAIT_MS = 5;
const waiting = new Int32Array(new SharedArrayBuffer(4));

/** fs.writeSync on a pipe set to non-blocking may take less than all, or refuse for now; nothing may be lost or overtake. */
function writeAll(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(waiting, 0, 0, FULL_PIPE_WAIT_MS);
    }
  }
}

/** @param logPath `-l FILE`: receives both streams as well. A name without a folder fails, as it does in toolkit/print.py. */
export function openStreams(logPath?: string): Streams {
  const log = logPath === undefined ? undefined : openLog(logPath);
  const writeTo = (fd: number) => (bytes: Uint8Array) => {
    writeAll(fd, bytes);
    if (log !== undefined) writeAll(log, bytes);
  };
  const out = writeTo(1);
  const err = writeTo(2);
  return {
    print: (line) => out(Buffer.from(`${line}\n`)),
    out,
    err: (text) => err(Buffer.from(text)),
  };
}

function openLog(path: string): number {
  const folder = path.includes("/") ? dirname(path) : "";
  if (folder === "") throw new PythonError("FileNotFoundError", "[Errno 2] No such file or directory: ''");
  mkdirSync(folder, { recursive: true });
  return openSync(path, "a");
}
