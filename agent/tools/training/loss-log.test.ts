import { cp, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { median, readLossTail } from "./loss-log.ts";

/** A copy: reading a WAL database may touch the files beside it. */
async function recordedRun(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-loss-"));
  await cp(fileURLToPath(new URL("fixtures/tiny_run_v1", import.meta.url)), folder, { recursive: true });
  return folder;
}

test("the recorded run's last loss, learning rate and eleven logged steps", async () => {
  const tail = readLossTail(await recordedRun(), 0);
  expect(tail?.loss).toBeCloseTo(1.141, 3);
  expect(tail?.lr).toBe(0.0001);
  expect(tail?.stepSeconds).toHaveLength(10); // steps 1 to 11 have ten gaps
  expect(median(tail?.stepSeconds ?? [])).toBeGreaterThan(0.5);
});

test("figures from before this run's start are not this run's", async () => {
  expect(readLossTail(await recordedRun(), Date.now() / 1000 + 1e9)).toEqual({
    loss: null,
    lr: null,
    stepSeconds: [],
  });
});

test("a run without the file says nothing", () => {
  expect(readLossTail("/nonexistent", 0)).toBeUndefined();
});

test.each([
  [[], null],
  [[3], 3],
  [[1, 9, 2], 2],
  [[1, 2, 3, 10], 2.5],
])("the median of %j is %s", (values, expected) => {
  expect(median(values)).toBe(expected);
});
