import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cleanLines } from "./log-text.ts";
import { type Evidence, verdict } from "./verdict.ts";

const experiments = readFileSync(new URL("fixtures/supervisor-experiments.log", import.meta.url), "utf8");

/** The recorded output of one experiment with the real trainer, both streams. */
function recorded(name: string): string[] {
  const part = (stream: string) =>
    experiments.split(`##### ${name}.${stream}\n`)[1]?.split("\n##### ")[0] ?? "";
  const lines = cleanLines(`${part("out")}\n${part("err")}`);
  expect(lines.length).toBeGreaterThan(5);
  return lines;
}

const evidence = (given: Partial<Evidence>): Evidence => ({
  exitCode: 0,
  stopRequested: false,
  reported: undefined,
  finalFile: false,
  resumable: true,
  lines: [],
  ...given,
});

test("a run that reported completed is completed", () => {
  const ended = verdict(evidence({ reported: "completed", finalFile: true, lines: recorded("expB") }));
  expect(ended).toEqual({ status: "completed", reason: null, hint: null });
});

test("without a report, exit 0 and a new final file mean completed", () => {
  expect(verdict(evidence({ finalFile: true })).status).toBe("completed");
});

test("D37: exit 0 after our own stop is stopped, not completed", () => {
  const ended = verdict(evidence({ stopRequested: true, reported: "stopped", lines: recorded("c_sigint") }));
  expect(ended).toMatchObject({ status: "stopped", reason: "Stopped on request" });
});

test("D37: exit 0 after somebody else's interrupt is stopped from outside", () => {
  const ended = verdict(evidence({ reported: "stopped", lines: recorded("c_sigint") }));
  expect(ended).toMatchObject({ status: "stopped", reason: expect.stringContaining("outside") });
});

test("D37: an old final file does not turn an interrupted run into a completed one", () => {
  expect(verdict(evidence({ lines: recorded("c_sigint") })).status).toBe("stopped");
});

test("an old toolkit that somebody else interrupted was stopped from outside, it did not fail", () => {
  const ended = verdict(evidence({ exitCode: 130, reported: "error", lines: ["KeyboardInterrupt"] }));
  expect(ended).toMatchObject({ status: "stopped", reason: expect.stringContaining("outside") });
});

test("a run that was stopped before its first checkpoint is not said to go on from one", () => {
  const hintOf = (resumable: boolean) => verdict(evidence({ stopRequested: true, resumable })).hint;
  expect(hintOf(true)).toContain("resume: true goes on from the last checkpoint");
  expect(hintOf(false)).toBe("No checkpoint was saved: start_training begins anew");
});

test("exit 1 because of the stop flag is stopped", () => {
  const ended = verdict(
    evidence({ exitCode: 1, stopRequested: true, reported: "stopped", lines: recorded("c_stop") }),
  );
  expect(ended.status).toBe("stopped");
});

test("a run that finished before our stop reached it is completed", () => {
  expect(verdict(evidence({ stopRequested: true, reported: "completed", finalFile: true })).status).toBe(
    "completed",
  );
});

test.each([130, 137, 143, null])("ended by our signal (exit %s) is stopped", (exitCode) => {
  expect(verdict(evidence({ exitCode, stopRequested: true, reported: "running" })).status).toBe("stopped");
});

test("a run that failed by itself while we wanted to stop it has failed", () => {
  const lines = ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."];
  expect(verdict(evidence({ exitCode: 1, stopRequested: true, reported: "error", lines })).status).toBe(
    "failed",
  );
});

test.each([
  [1, ["Error running job: no images found in /data/empty"], /data set holds no file/],
  [1, ["RuntimeError: OOM during training step 3 times in a row, aborting training"], /out of memory/],
  [1, ["Cannot access gated repo for url https://huggingface.co/x"], /gated/],
  [1, ["OSError: [Errno 28] No space left on device"], /disk is full/],
  [1, ["KeyError: 'nothing known'", "ValueError: a new kind of trouble"], /a new kind of trouble/],
  [137, [], /signal 9/],
  [143, [], /signal 15/],
  [null, [], /Lost/],
  [3, [], /exit code 3/],
])("exit %s with %j has a reason and a hint", (exitCode, lines, reason) => {
  const ended = verdict(evidence({ exitCode, lines }));
  expect(ended).toMatchObject({
    status: "failed",
    reason: expect.stringMatching(reason),
    hint: expect.any(String),
  });
});

/** Every experiment with the real trainer: how it ended, and what a person says of it. */
const EXPERIMENTS: readonly (readonly [string, Partial<Evidence>, string, RegExp | null])[] = [
  ["expB", { reported: "completed", finalFile: true }, "completed", null],
  ["c_stop", { exitCode: 1, stopRequested: true, reported: "stopped" }, "stopped", /on request/],
  ["c_rtq", { exitCode: 1, reported: "queued" }, "stopped", /back to a queue/],
  ["c_sigint", { reported: "stopped" }, "stopped", /outside/],
  ["c_sigterm", { exitCode: 143, reported: "running" }, "failed", /^Ended from outside \(signal 15\)$/],
  ["d_sigint_sampling", { stopRequested: true, reported: "stopped" }, "stopped", /on request/],
  ["e_empty", { exitCode: 1 }, "failed", /holds no file.*: no images found in \/data\/empty$/],
  ["e_missing", { exitCode: 1 }, "failed", /file .* missing: \[Errno 2\] .*'\/data\/nope'$/],
  [
    "e_type",
    { exitCode: 1 },
    "failed",
    /does not accept the configuration: .*Unknown process type: nope_trainer$/,
  ],
  ["e_model", { exitCode: 1 }, "failed", /base model was not found: .*"\/data\/no-model"/],
  ["f1", { exitCode: 1, stopRequested: true, reported: "stopped" }, "stopped", /on request/],
  ["f2", { reported: "completed", finalFile: true }, "completed", null],
  ["f4", { reported: "completed", finalFile: true }, "completed", null],
  [
    "g3_nocol",
    { exitCode: 1, reported: "error" },
    "failed",
    /report database is damaged: no such column: save_now$/,
  ],
  ["g5_deleted", { exitCode: 1 }, "failed", /report database is damaged: no such table: Job$/],
];

test("the list of experiments is complete", () => {
  const names = [...experiments.matchAll(/^##### (\w+)\.out$/gm)].map(([, name]) => name);
  expect(EXPERIMENTS.map(([name]) => name)).toEqual(names);
});

describe.each([
  ["with the trainer's report", (given: Partial<Evidence>) => given],
  [
    "without a report, as of an old toolkit",
    (given: Partial<Evidence>) => ({ ...given, reported: undefined }),
  ],
])("%s", (_, known) => {
  test.each(EXPERIMENTS)("%s ended as a person would say", (name, given, status, reason) => {
    const ended = verdict(evidence({ ...known(given), lines: recorded(name) }));
    expect(ended.status).toBe(status);
    if (reason) expect(ended.reason).toMatch(reason);
    else expect(ended.reason).toBeNull();
    expect(ended.hint === null).toBe(status === "completed");
  });
});

test("an interrupt that an older run.py passes on is a stop from outside", () => {
  expect(verdict(evidence({ exitCode: 130, lines: ["KeyboardInterrupt"] }))).toMatchObject({
    status: "stopped",
    reason: expect.stringContaining("outside"),
  });
});
