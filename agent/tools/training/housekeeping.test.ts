import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { SILENT } from "../../../shared/log.ts";
import { exclusively } from "../../files/exclusive.ts";
import { Housekeeping } from "./housekeeping.ts";
import { jobFolder } from "./job-folder.ts";
import type { Job } from "./job-store.ts";

const MAX_BYTES = 100_000;

let jobsPath: string;
let unfinished: readonly Pick<Job, "id" | "status">[];
let unrecorded: readonly Partial<Job>[];
const warnings: string[] = [];
const log = { ...SILENT, warn: (_: object, text: string) => warnings.push(text) };

beforeEach(async () => {
  jobsPath = await mkdtemp(join(tmpdir(), "aitk-keeper-"));
  onTestFinished(() => rm(jobsPath, { recursive: true, force: true }));
  unfinished = [];
  unrecorded = [];
  warnings.length = 0;
});

async function logOf(id: string): Promise<string> {
  const { path, log } = jobFolder(jobsPath, id);
  await mkdir(path, { recursive: true });
  await writeFile(log, "x".repeat(MAX_BYTES));
  return log;
}

const bytesOf = async (path: string) => (await stat(path)).size;

function keeper(): Housekeeping {
  // Only what it asks for.
  const store = {
    unfinished: () => unfinished as Job[],
    unrecorded: () => unrecorded as Job[],
    keepRecord: () => {},
    record: () => undefined,
  };
  return new Housekeeping({ store, jobsPath, lockPath: join(jobsPath, "lock"), maxLogBytes: MAX_BYTES, log });
}

test("the logs of running jobs are rotated, those of others are left alone", async () => {
  const running = await logOf("running");
  const ended = await logOf("ended");
  unfinished = [{ id: "running", status: "running" }];
  await keeper().look();
  expect(await bytesOf(running)).toBe(0);
  expect(await bytesOf(ended)).toBe(MAX_BYTES);
});

test("what a job printed in its last second is looked at, too", async () => {
  const path = await logOf("quick");
  unrecorded = [
    { id: "quick", name: "quick", output_folder: "/nonexistent", started_at: null, finished_at: null },
  ];
  await keeper().look();
  expect(await bytesOf(path)).toBe(0);
});

test("while another agent rotates, this one waits for its next round", async () => {
  const path = await logOf("shared");
  unfinished = [{ id: "shared", status: "running" }];
  const logs = keeper();
  await exclusively(join(jobsPath, "lock"), async () => {
    await logs.look();
    expect(await bytesOf(path)).toBe(MAX_BYTES);
  });
  await logs.look();
  expect(await bytesOf(path)).toBe(0);
});

test("what goes wrong is said once, not every second", async () => {
  const path = await logOf("broken");
  unfinished = [{ id: "broken", status: "running" }];
  await mkdir(`${path}.previous.partial`);
  const logs = keeper();
  await logs.look();
  await logs.look();
  expect(warnings).toEqual(["housekeeping failed"]);
  expect(await bytesOf(path)).toBe(MAX_BYTES);
});
