import { expect, test } from "vitest";
import { ToolError } from "../../../shared/errors.ts";
import type { Checked } from "./preflight.ts";
import { refusalOf } from "./refusal.ts";

const checked = (check: string, more: Partial<Checked> = {}): Checked => ({
  check,
  level: "error",
  text: `${check} is wrong`,
  fix: `mend ${check}`,
  blocks: false,
  isConfig: false,
  ...more,
});
const NO_TRAINER = checked("toolkit", { refusal: new ToolError("trainer_missing", "No ai-toolkit found") });
const CONFIG = checked("optimizer", { isConfig: true });
const BUSY = checked("busy", { refusal: new ToolError("conflict", "Job 1 runs", { body: { job_id: "1" } }) });
const OTHER = checked("resume");
const BLOCKING = checked("disk", { level: "warning", blocks: true });
const WARNING = checked("saves", { level: "warning" });

const refused = (checks: readonly Checked[], force = false) => refusalOf("cats", { checks }, force);

test("what is only a warning, or well, refuses nothing", () => {
  expect(refused([WARNING, checked("disk", { level: "ok" })])).toBeUndefined();
});

test.each([
  [[OTHER, BUSY, CONFIG, NO_TRAINER], "trainer_missing", "No ai-toolkit found"],
  [[OTHER, BUSY, CONFIG, BLOCKING], "invalid_input", "'cats' cannot be trained: optimizer is wrong"],
  [[OTHER, BUSY, BLOCKING], "conflict", "Job 1 runs"],
  [
    [OTHER, checked("disk"), BLOCKING],
    "conflict",
    "'cats' cannot be trained: resume is wrong; disk is wrong",
  ],
  [[BLOCKING, WARNING], "conflict", "'cats' was not started: disk is wrong"],
] as const)("the weightiest is said (%#)", (checks, code, message) => {
  expect(refused(checks)).toMatchObject({ code, message });
});

test("force passes over warnings, never over errors", () => {
  expect(refused([BLOCKING, WARNING], true)).toBeUndefined();
  for (const error of [NO_TRAINER, CONFIG, BUSY, OTHER])
    expect(refused([error], true)).toBeInstanceOf(ToolError);
});

test("a refusal for a warning names its checks and the way out, in the old server's shape", () => {
  expect(refused([BLOCKING, WARNING])).toMatchObject({
    body: { error: "'cats' was not started: disk is wrong", checks: ["disk"] },
    hint: "mend disk. To start all the same pass force: true",
  });
});
