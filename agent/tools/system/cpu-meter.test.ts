import type { CpuInfo } from "node:os";
import { expect, test } from "vitest";
import { CpuMeter, percent } from "./cpu-meter.ts";

const core = (busy: number, idle: number): CpuInfo => ({
  model: "",
  speed: 0,
  times: { user: busy - 4, nice: 1, sys: 2, irq: 1, idle },
});

test("D13: load is what happened between two readings, over all cores", () => {
  const meter = new CpuMeter([core(1000, 9000), core(1000, 9000)]);
  expect(meter.percent([core(1100, 9000), core(1000, 9100)])).toBe(50);
  expect(meter.percent([core(1100, 9100), core(1001, 9199)])).toBe(0.5);
  expect(meter.percent([core(1200, 9100), core(1101, 9199)])).toBe(100);
});

test("no time between two readings, or counters that went back, are no load", () => {
  const meter = new CpuMeter([core(1000, 9000)]);
  expect(meter.percent([core(1000, 9000)])).toBe(0);
  expect(meter.percent([core(500, 100)])).toBe(0);
});

test("a share has one digit after the point and stays within bounds", () => {
  expect(percent(1, 3)).toBe(33.3);
  expect(percent(4, 3)).toBe(100);
  expect(percent(1, 0)).toBe(0);
});
