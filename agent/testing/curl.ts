// For tests: command lines as the tools print them, run by a real shell.
import { spawn } from "node:child_process";

export interface ShellEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a line in a folder. */
export async function shell(line: string, cwd: string, signal?: AbortSignal): Promise<ShellEnd> {
  const child = spawn("/bin/sh", ["-c", line], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    // Not the test's own: a proxy or a .curlrc there would be part of it.
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: cwd },
    ...(signal && { signal, killSignal: "SIGKILL" }),
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return await new Promise((resolve, reject) => {
    child.once("error", (error) => (signal?.aborted ? undefined : reject(error)));
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}
