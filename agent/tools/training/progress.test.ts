import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseProgress } from "./progress.ts";

const log = readFileSync(new URL("fixtures/run.log", import.meta.url), "utf8");

test("the recorded run ends at its last step with its last loss", () => {
  expect(parseProgress(log, "tiny_run_v1")).toEqual({ step: 12, totalSteps: 12, loss: 1.141, lr: 0.0001 });
});

test("D5: sampling bars between two training steps are not progress", () => {
  const text =
    "my_lora:  42%|####2     | 5/12 [00:08<00:15,  2.17s/it, lr: 1.0e-04 loss: 1.261e+00]\r" +
    "Generating Images: 100%|##########| 2/2 [00:14<00:00,  7.45s/it]";
  expect(parseProgress(text, "my_lora")).toEqual({ step: 5, totalSteps: 12, loss: 1.261, lr: 0.0001 });
});

test("D5: the trainer's OOM banner is not progress", () => {
  expect(parseProgress("# OOM during training step, skipping batch 1/3 #", "my_lora")).toBeUndefined();
});

test("a name with characters of a regular expression is found, and only it", () => {
  const text =
    "a.b+(c):   8%|8 | 1/12 [00:01<?, ?it/s]\rxa.b+(c): 50%|# | 6/12 [00:01<?, ?it/s]\rab: 9%|# | 2/12 [0:01<?, ?]";
  expect(parseProgress(text, "a.b+(c)")).toEqual({ step: 1, totalSteps: 12, loss: null, lr: null });
});

test("a NaN loss is a NaN, not a missing one", () => {
  const text = "x:  50%|# | 6/12 [00:01<00:01, 1.0it/s, lr: 1.0e-04 loss: nan]";
  expect(parseProgress(text, "x")?.loss).toBeNaN();
});

test("a line glued to the bar does no harm", () => {
  const text = "x:  50%|# | 6/12 [00:01<00:01, 1.0it/s, lr: 1.0e-04 loss: 1.293e+00]Saving at step 6";
  expect(parseProgress(text, "x")).toMatchObject({ step: 6, loss: 1.293 });
});
