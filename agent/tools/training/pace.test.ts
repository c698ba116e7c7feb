import { expect, test } from "vitest";
import { costsOf, gapsOf, type Interruptions, type LoggedStep, plannedSeconds, stepSeconds } from "./pace.ts";

/** Steps of 2 s; at some of them something else takes time, too. */
function steps(count: number, extra: Readonly<Record<number, number>> = {}): LoggedStep[] {
  let wallTime = 1_000;
  return Array.from({ length: count }, (_, index) => {
    wallTime += 2 + (extra[index + 1] ?? 0);
    return { step: index + 1, wallTime };
  });
}

const at = (saves: readonly number[], samplings: readonly number[]): Interruptions => ({
  saves: (step) => saves.includes(step),
  samplings: (step) => samplings.includes(step),
});

test("saves and samplings are no step times", () => {
  const gaps = gapsOf(steps(30, { 10: 7, 15: 40, 20: 47 }));
  const seconds = stepSeconds(gaps, at([10, 20], [15, 20]));
  expect(seconds).toHaveLength(29 - 3);
  expect(new Set(seconds)).toEqual(new Set([2]));
});

test("where not every step is logged a gap is shared by its steps", () => {
  const logged = steps(100, { 50: 30 }).filter(({ step }) => step % 10 === 0);
  expect(stepSeconds(gapsOf(logged), at([], [50]))).toEqual(Array(8).fill(2));
});

test("only the newest fifty step times count", () => {
  expect(stepSeconds(gapsOf(steps(200)), at([], []))).toHaveLength(50);
});

const gapAt = (logged: readonly LoggedStep[], ...wanted: number[]) =>
  gapsOf(logged).filter(({ to }) => wanted.includes(to));
const unknown = { savedAt: new Map<number, number>(), samplingSeconds: null };

test("a save and a sampling alone are measured by their gaps", () => {
  const logged = steps(30, { 10: 7, 15: 40 });
  const costs = costsOf({
    gaps: gapAt(logged, 10, 15),
    interruptions: at([10], [15]),
    stepSeconds: 2,
    ...unknown,
  });
  expect(costs).toEqual({ save: 7, sampling: 40, both: null });
});

test("at one step together they are parted by the time of the checkpoint", () => {
  const logged = steps(30, { 10: 47 });
  const begin = logged[8]?.wallTime ?? 0;
  const costs = costsOf({
    gaps: gapAt(logged, 10),
    interruptions: at([10], [10]),
    stepSeconds: 2,
    savedAt: new Map([[10, begin + 2 + 7]]),
    samplingSeconds: null,
  });
  expect(costs).toEqual({ save: 7, sampling: 40, both: 47 });
});

test("a checkpoint that was pruned parts nothing: what both take together is known all the same", () => {
  const measured = { gaps: gapAt(steps(30, { 10: 47 }), 10), interruptions: at([10], [10]), stepSeconds: 2 };
  expect(costsOf({ ...measured, ...unknown })).toEqual({ save: null, sampling: null, both: 47 });
  expect(costsOf({ ...measured, ...unknown, samplingSeconds: 38 })).toEqual({
    save: null,
    sampling: 38,
    both: 47,
  });
});

test("a median of several, so that one slow disk moment does not count", () => {
  const logged = steps(40, { 10: 7, 20: 300, 30: 9 });
  const interruptions = at([10, 20, 30], []);
  const costs = costsOf({ gaps: gapAt(logged, 10, 20, 30), interruptions, stepSeconds: 2, ...unknown });
  expect(costs.save).toBe(9);
});

test.each([
  [{ save: 7, sampling: 40, both: 47 }, 2 * 7 + 3 * 40 + 4 * 47 + 7 + 40],
  [{ save: 7, sampling: 40, both: null }, 2 * 7 + 3 * 40 + 4 * 47 + 7 + 40],
  [{ save: null, sampling: 40, both: null }, 3 * 40 + 4 * 40 + 40],
  [{ save: null, sampling: null, both: 47 }, 4 * 47],
  [{ save: null, sampling: null, both: null }, 0],
])("with costs of %j what is planned takes %s seconds", (costs, seconds) => {
  const toCome = { saves: 2, samplings: 3, both: 4, finalSave: true, finalSampling: true };
  expect(plannedSeconds(toCome, costs)).toBe(seconds);
});
