import { mkdir, mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { jobFolder, KEEP_DAYS, prepareJobFolder, removeOldJobFolders } from "./job-folder.ts";
import { JobStore } from "./job-store.ts";

const { signal } = new AbortController();
const DAY_MS = 24 * 60 * 60 * 1000;
const now = "2026-11-22T12:00:00.000Z";

test("D32: the logs of jobs that ended long ago are removed, those of all others stay", async () => {
  const root = await mkdtemp(join(tmpdir(), "aitk-jobs-"));
  const jobs = join(root, "jobs");
  await mkdir(jobs);
  using store = new JobStore(join(root, "agent.db"));
  for (const id of ["ended", "waiting", "unrecorded"]) await prepareJobFolder(jobFolder(jobs, id), id, {});
  for (const id of ["ended", "waiting"]) {
    store.add({
      id,
      config: id,
      name: id,
      trainer: "rehearsal",
      total_steps: null,
      output_folder: `/out/${id}`,
      dataset_folders: [],
      created_at: now,
    });
  }
  store.cancelPending("ended", now);
  const left = async (days: number) => {
    await removeOldJobFolders(jobs, store, signal, Date.parse(now) + days * DAY_MS);
    return (await readdir(jobs)).sort();
  };
  // What has no record is as old as its folder, by this machine's clock.
  expect(await left(KEEP_DAYS - 1)).toEqual(expect.arrayContaining(["ended", "waiting"]));
  expect(await left(KEEP_DAYS + 1)).not.toContain("ended");
  await removeOldJobFolders(jobs, store, signal, Date.now() + DAY_MS);
  expect(await readdir(jobs)).toEqual(["waiting"]);
  expect(store.get("ended")?.status).toBe("stopped");
});
