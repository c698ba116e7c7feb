// Command lines run as a person runs them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { performance } from "node:perf_hooks";

/** @returns seconds that it took. @throws Error with what it said when it fails */
export async function shell(command: string, cwd = tmpdir()): Promise<number> {
  const began = performance.now();
  const child = spawn("/bin/sh", ["-c", command], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  const [code] = await once(child, "close");
  const seconds = (performance.now() - began) / 1_000;
  if (code !== 0) throw new Error(`${command}\nended with ${code}:\n${said}`);
  return seconds;
}
