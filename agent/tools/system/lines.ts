// A program's output, line by line, in bounded memory.
import type { Readable } from "node:stream";

/** Characters; of a longer line the end is kept. No line of nvidia-smi comes near. */
const MAX_LINE = 4096;

/** Calls `take` with every line that is not blank, trimmed; with the last one also when no line end follows. */
export function forEachLine(stream: Readable, take: (line: string) => void): void {
  let rest = "";
  const give = (line: string) => {
    const text = line.slice(-MAX_LINE).trim();
    if (text !== "") take(text);
  };
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = (lines.pop() ?? "").slice(-MAX_LINE);
    lines.forEach(give);
  });
  stream.on("end", () => give(rest));
}
