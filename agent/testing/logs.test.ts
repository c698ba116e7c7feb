// A log that grows without measure, in the real program with a real trainer.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Program, startProgram } from "./program.ts";
import { putRun, type Subject, subjectOf } from "./subject.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 30_000 });

const MB = 1024 * 1024;
const PATIENCE = { timeout: 100_000, interval: 100 };

let program: Program;
let subject: Subject;

beforeAll(async () => {
  program = await startProgram({ args: ["--log-max-mb", "2"], env: { REHEARSAL_FLOOD_MB: "1024" } });
  subject = subjectOf(program);
});
afterAll(() => program?.close());

async function logBytes(job_id: string): Promise<number> {
  const folder = join(subject.paths.jobs, job_id);
  const names = (await readdir(folder)).filter((name) => name.startsWith("log.txt"));
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

test("of a log of a gigabyte the beginning and the end are kept, and the verdict is right", async () => {
  await putRun(subject.paths, "floods", { rehearsal: { fault: "floods@3" } });
  const { job_id } = (await subject.call("start_training", { config_name: "floods" })) as { job_id: string };
  await vi.waitFor(async () => {
    expect(await subject.call("get_training_status", { job_id })).toMatchObject({ status: "completed" });
    expect(await logBytes(job_id)).toBeLessThanOrEqual(2 * MB);
  }, PATIENCE);
  const tail = await subject.call("get_training_logs", { job_id, lines: 100 });
  expect((tail["logs"] as string[]).some((line) => line.includes("floods: 100%"))).toBe(true);
  expect(tail["log_bytes"]).toBe(await logBytes(job_id));
  const all = (await subject.call("get_training_logs", { job_id, lines: 10_000 }))["logs"] as string[];
  expect(all.length).toBeGreaterThan(1_000);
});
