import { expect, test } from "vitest";
import { expectedSeconds, speedKey } from "./speed.ts";

const train = { steps: 1000, batch_size: 1, gradient_checkpointing: true, lr: 1e-4 };

const config = (more: object = {}, ...others: object[]) => ({
  job: "extension",
  config: {
    name: "cats",
    process: [
      {
        model: { name_or_path: "black-forest-labs/FLUX.1-dev", arch: "flux", quantize: true },
        train,
        datasets: [{ folder_path: "/d/cats", resolution: [512, 768] }],
        ...more,
      },
      ...others,
    ],
  },
});

test("runs that differ in name, steps, data or learning rate are alike; in what makes them slow they are not", () => {
  const key = speedKey(config(), "ai-toolkit");
  expect(key).not.toBeNull();
  expect(speedKey(config({ train: { ...train, steps: 9, lr: 1e-3 } }), "ai-toolkit")).toBe(key);
  const dogs = [{ folder_path: "/d/dogs", resolution: [512, 768] }];
  expect(speedKey(config({ datasets: dogs }), "ai-toolkit")).toBe(key);
  for (const slower of [
    { train: { ...train, batch_size: 4 } },
    { train: { ...train, gradient_checkpointing: false } },
    { datasets: [{ folder_path: "/d/cats", resolution: [1024] }] },
    { model: { name_or_path: "other", arch: "flux", quantize: true } },
  ]) {
    expect(speedKey(config(slower), "ai-toolkit")).not.toBe(key);
  }
  expect(speedKey(config(), "rehearsal")).not.toBe(key);
});

test.each([{}, { config: { process: [] } }, { config: { process: "x" } }, null, config({}, { train: {} })])(
  "what cannot be compared has no key: %j",
  (value) => {
    expect(speedKey(value, "ai-toolkit")).toBeNull();
  },
);

test("a run is expected to take what those like it took, in the middle", () => {
  const measured = [
    { secondsPerStep: 1, overheadSeconds: 60 },
    { secondsPerStep: 2, overheadSeconds: null }, // stopped: its speed counts, its overhead does not
    { secondsPerStep: 9, overheadSeconds: 80 },
  ];
  expect(expectedSeconds(100, measured)).toBe(100 * 2 + 70);
});

test("nothing is made up", () => {
  expect(expectedSeconds(100, [])).toBeNull();
  expect(expectedSeconds(100, [{ secondsPerStep: 1, overheadSeconds: null }])).toBeNull();
  expect(expectedSeconds(null, [{ secondsPerStep: 1, overheadSeconds: 60 }])).toBeNull();
});
