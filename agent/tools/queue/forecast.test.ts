import { expect, test } from "vitest";
import { type ForecastJob, forecast } from "./forecast.ts";

const MINUTE = 60_000;

const job = (id: string, slots: readonly string[], minutes: number | null): ForecastJob => ({
  id,
  slots,
  durationMs: () => (minutes === null ? null : minutes * MINUTE),
});

/** "start–finish" in minutes, ? for unknown. */
function played(free: Readonly<Record<string, number | null>>, ...jobs: ForecastJob[]): string[] {
  const slots = Object.entries(free).map(([id, at]) => ({ id, freeAtMs: at === null ? null : at * MINUTE }));
  const show = (ms: number | null) => (ms === null ? "?" : String(ms / MINUTE));
  return [...forecast(slots, jobs)].map(
    ([id, { startMs, finishMs }]) => `${id} ${show(startMs)}–${show(finishMs)}`,
  );
}

test("one GPU takes one job after the other", () => {
  expect(played({ x: 5 }, job("a", ["x"], 10), job("b", ["x"], 20), job("c", ["x"], 1))).toEqual([
    "a 5–15",
    "b 15–35",
    "c 35–36",
  ]);
});

test("a job for any GPU takes the one that is free first", () => {
  expect(
    played({ x: 30, y: 5 }, job("a", ["x", "y"], 10), job("b", ["x", "y"], 10), job("c", ["x", "y"], 10)),
  ).toEqual(["a 5–15", "b 15–25", "c 25–35"]);
});

test("after a job whose length nobody knows, nothing is known of that GPU; of others it is", () => {
  expect(played({ x: 0, y: 0 }, job("a", ["x"], null), job("b", ["x"], 10), job("c", ["y"], 10))).toEqual([
    "a 0–?",
    "b ?–?",
    "c 0–10",
  ]);
});

test("a run that does not say how long it takes leaves those behind it without figures", () => {
  expect(played({ x: null }, job("a", ["x"], 10))).toEqual(["a ?–?"]);
});

test("a job that might start on an unknown GPU takes certainty from all it could take", () => {
  expect(played({ x: null, y: 5 }, job("a", ["x", "y"], 10), job("b", ["y"], 10))).toEqual([
    "a ?–?",
    "b ?–?",
  ]);
});

test("a held job takes nothing", () => {
  expect(played({ x: 5 }, job("held", [], 10), job("b", ["x"], 10))).toEqual(["held ?–?", "b 5–15"]);
});

test("a GPU that is not there is no place", () => {
  expect(played({ x: 5 }, job("a", ["gone"], 10))).toEqual(["a ?–?"]);
});
