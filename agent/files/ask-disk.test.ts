import { expect, test } from "vitest";
import { askDisk } from "./ask-disk.ts";

const paths = Array.from({ length: 40 }, (_, index) => `file ${index}`);

/** Answers in words: how it was asked. */
async function asked(now: (path: string) => string): Promise<string[]> {
  const told: string[] = [];
  await askDisk(
    paths,
    now,
    async (path) => {
      if (path === "file 39") throw new Error("gone");
      return `${path} later`;
    },
    (index, answer) => {
      told[index] = answer instanceof Error ? answer.message : answer;
    },
  );
  return told;
}

test("a disk that answers at once is asked for one file after the other", async () => {
  expect(await asked((path) => `${path} now`)).toEqual(paths.map((path) => `${path} now`));
});

test("of one that does not, the rest is asked for at once, and each answer is told of its own path", async () => {
  const slow = (path: string) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    if (path === "file 0") throw new Error("not there");
    return path;
  };
  expect(await asked(slow)).toEqual([
    "not there",
    ...paths.slice(1, 39).map((path) => `${path} later`),
    "gone",
  ]);
});
