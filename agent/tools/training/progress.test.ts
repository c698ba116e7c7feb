import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseProgress } from "./progress.ts";

const log = readFileSync(new URL("fixtures/run.log", import.meta.url), "utf8");

test("the recorded run ends at its last step with its last loss", () => {
  expect(parseProgress(log, "tiny_run_v1")).toEqual({
    step: 12,
    totalSteps: 12,
    loss: 1.141,
    lr: 0.0001,
    secondsPerStep: 1.57,
    elapsedSeconds: 18,
  });
});

test("D5: sampling bars between two training steps are not progress", () => {
  const text =
    "my_lora:  42%|####2     | 5/12 [00:08<00:15,  2.17s/it, lr: 1.0e-04 loss: 1.261e+00]\r" +
    "Generating Images: 100%|##########| 2/2 [00:14<00:00,  7.45s/it]";
  expect(parseProgress(text, "my_lora")).toMatchObject({ step: 5, totalSteps: 12, loss: 1.261, lr: 0.0001 });
});

test("D5: the trainer's OOM banner is not progress", () => {
  expect(parseProgress("# OOM during training step, skipping batch 1/3 #", "my_lora")).toBeUndefined();
});

test("a name with characters of a regular expression is found, and only it", () => {
  const text =
    "a.b+(c):   8%|8 | 1/12 [00:01<?, ?it/s]\rxa.b+(c): 50%|# | 6/12 [00:01<?, ?it/s]\rab: 9%|# | 2/12 [0:01<?, ?]";
  expect(parseProgress(text, "a.b+(c)")).toMatchObject({ step: 1, totalSteps: 12, loss: null, lr: null });
});

test("a NaN loss is a NaN, not a missing one", () => {
  const text = "x:  50%|# | 6/12 [00:01<00:01, 1.0it/s, lr: 1.0e-04 loss: nan]";
  expect(parseProgress(text, "x")?.loss).toBeNaN();
});

test("a line glued to the bar does no harm", () => {
  const text = "x:  50%|# | 6/12 [00:01<00:01, 1.0it/s, lr: 1.0e-04 loss: 1.293e+00]Saving at step 6";
  expect(parseProgress(text, "x")).toMatchObject({ step: 6, loss: 1.293 });
});

test("a bar that is being written is not read: its figures are cut", () => {
  const whole = "\rx:  50%|# | 6/12 [00:01<00:01, 1.0it/s, lr: 1.0e-04 loss: 1.293e+00]";
  const cut = "\rx:  58%|# | 7/12 [00:01<00:01, 1.0it/s, lr: 1.0e-04 loss: 1.2";
  expect(parseProgress(whole + cut, "x")).toMatchObject({ step: 6, loss: 1.293 });
});

test.each([
  ["00:08<00:15,  2.17s/it", 8, 2.17],
  ["1:02:03<?, 12.50it/s", 3723, 0.08],
  ["2 days, 1:00:05<00:15,  2.17s/it", 176_405, 2.17],
  ["00:00<?, ?it/s", 0, null],
])("the time in [%s] is %s seconds, a step %s", (time, elapsedSeconds, secondsPerStep) => {
  expect(parseProgress(`\rx:  50%|# | 6/12 [${time}, lr: 1.0e-04 loss: 1.2e+00]`, "x")).toMatchObject({
    elapsedSeconds,
    secondsPerStep,
  });
});

test("read again after every byte, the recorded run shows its steps and losses, and no others", () => {
  const bytes = Buffer.from(log);
  const steps: number[] = [];
  const losses = new Set<number>();
  for (let length = 0; length <= bytes.length; length++) {
    const bar = parseProgress(bytes.toString("utf8", 0, length), "tiny_run_v1");
    if (bar && bar.step !== steps.at(-1)) steps.push(bar.step);
    if (bar?.loss != null) losses.add(bar.loss);
  }
  expect(steps).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  // Of the first step, which loss_log.db does not have, and of the eleven that it has.
  expect([...losses]).toEqual([
    1.269, 1.254, 1.379, 1.194, 1.261, 1.207, 1.285, 1.177, 1.179, 1.351, 1.195, 1.141,
  ]);
});
