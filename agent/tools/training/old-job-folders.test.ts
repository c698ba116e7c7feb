import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { jobFolder, prepareJobFolder } from "./job-folder.ts";
import { JobStore } from "./job-store.ts";
import { removeOldJobFolders } from "./old-job-folders.ts";

const { signal } = new AbortController();
const DAY_MS = 24 * 60 * 60 * 1000;
const NOW = Date.parse("2026-11-22T12:00:00.000Z");
const UNLIMITED = Number.MAX_SAFE_INTEGER;

let jobsPath: string;
let store: JobStore;

beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), "aitk-jobs-"));
  jobsPath = join(root, "jobs");
  await mkdir(jobsPath);
  store = new JobStore(join(root, "agent.db"));
  onTestFinished(async () => {
    store[Symbol.dispose]();
    await rm(root, { recursive: true, force: true });
  });
});

/** `endedMs` undefined: it has not. */
async function job(id: string, endedMs?: number, logBytes = 0): Promise<void> {
  const folder = jobFolder(jobsPath, id);
  await prepareJobFolder(folder, id, {});
  await writeFile(`${folder.log}.previous`, "x".repeat(logBytes));
  store.add({
    id,
    config: id,
    name: id,
    trainer: "rehearsal",
    total_steps: null,
    output_folder: `/out/${id}`,
    dataset_folders: [],
    created_at: new Date(NOW).toISOString(),
  });
  if (endedMs === undefined) return;
  const finished_at = new Date(endedMs).toISOString();
  store.cancelPending(id, finished_at);
  store.keepRecord({ id, finished_at }, "{}");
}

async function left(keepDays: number, totalBytes: number, now = NOW): Promise<string[]> {
  await removeOldJobFolders({ jobsPath, store, limits: { keepDays, totalBytes }, signal, now });
  return (await readdir(jobsPath)).sort();
}

test("D32: the logs of jobs that ended long ago are removed, those of all others stay", async () => {
  await job("ended", NOW);
  await job("waiting");
  expect(await left(30, UNLIMITED, NOW + 29 * DAY_MS)).toEqual(["ended", "waiting"]);
  expect(await left(30, UNLIMITED, NOW + 31 * DAY_MS)).toEqual(["waiting"]);
  expect(store.get("ended")?.status).toBe("stopped");
});

test("the folder of a job stays until its record is made of it", async () => {
  await job("ended", NOW);
  store.keepRecord({ id: "ended", finished_at: null }, "{}");
  expect(await left(30, 0, NOW + 31 * DAY_MS)).toEqual(["ended"]);
});

test("a folder without a job may be one that is being made; later it goes", async () => {
  const folder = jobFolder(jobsPath, "unrecorded");
  await prepareJobFolder(folder, "unrecorded", {});
  await utimes(folder.path, NOW / 1000, NOW / 1000);
  expect(await left(30, 0, NOW + 1000)).toEqual(["unrecorded"]);
  expect(await left(30, 0, NOW + DAY_MS)).toEqual([]);
});

test("when all logs together are too large, those of the jobs that ended first go, and never those of a running one", async () => {
  await job("running", undefined, 3_000_000);
  await job("second", NOW - 2_000, 1_000_000);
  await job("first", NOW - 3_000, 1_000_000);
  await job("third", NOW - 1_000, 1_000_000);
  expect(await left(30, 10_000_000)).toEqual(["first", "running", "second", "third"]);
  expect(await left(30, 5_500_000)).toEqual(["running", "second", "third"]);
  expect(await left(30, 0)).toEqual(["running"]);
});
