// What an image's first bytes tell of it. Read of all images before any is decoded: it is what the buckets need.
import { readStarts } from "../../../files/read-start.ts";
import { hasCode, isMissing } from "../../../files/sandbox.ts";
import { imageHead } from "../image-head.ts";
import type { HeadFacts } from "./facts.ts";

/** Mostly enough; an embedded preview may be longer. */
const START_BYTES = 16 * 1024;
const LONG_START_BYTES = 512 * 1024;

/** Of each file; undefined: only decoding will tell, or it is gone, or a link. @throws the file system's other errors */
export async function headFactsOf(paths: readonly string[]): Promise<(HeadFacts | undefined)[]> {
  const found = await factsWithin(paths, START_BYTES);
  const longer = [...found.keys()].filter((index) => found[index] === "longer");
  const again = await factsWithin(
    longer.map((index) => paths[index] ?? ""),
    LONG_START_BYTES,
  );
  for (const [at, index] of longer.entries()) found[index] = again[at];
  return found.map((facts) => (facts === "longer" ? undefined : facts));
}

async function factsWithin(
  paths: readonly string[],
  bytesMax: number,
): Promise<(HeadFacts | "longer" | undefined)[]> {
  const found: (HeadFacts | "longer" | undefined)[] = new Array(paths.length);
  await readStarts(paths, bytesMax, (index, start) => {
    if (start === undefined || isMissing(start) || hasCode(start, "ELOOP")) return;
    if (start instanceof Error) throw start;
    const { bytes, size } = start;
    found[index] = factsIn(bytes) ?? (size > bytesMax ? "longer" : undefined);
  });
  return found;
}

function factsIn(bytes: Buffer): HeadFacts | undefined {
  const head = imageHead((position, length) => bytes.subarray(position, position + length));
  if (!head) return undefined;
  const { width, height, orientation, animated, gray16 } = head;
  const sides = orientation >= 5 ? { width: height, height: width } : { width, height };
  return { is: "head", ...sides, turned: orientation > 1, animated, gray16 };
}
