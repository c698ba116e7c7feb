import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { JobStore, type NewJob } from "./job-store.ts";

const newPath = async () => join(await mkdtemp(join(tmpdir(), "aitk-db-")), "agent.db");
const now = "2026-11-22T12:00:00.000Z";
const self = { pid: 1, startTicks: 2, bootId: "boot" };
const ending = {
  status: "completed",
  exit_code: 0,
  final_step: 10,
  reason: null,
  hint: null,
  finished_at: now,
} as const;

const job = (id: string, more: Partial<NewJob> = {}): NewJob => ({
  id,
  config: `config-${id}`,
  name: id,
  trainer: "rehearsal",
  total_steps: 10,
  output_folder: `/out/${id}`,
  dataset_folders: ["/data/cats"],
  created_at: now,
  ...more,
});

test("D6: jobs are there again after a restart, as they were", async () => {
  const path = await newPath();
  {
    using store = new JobStore(path);
    store.add(job("a"));
    store.claimNext(self, now);
    store.launched("a", { pid: 7, startTicks: 8, bootId: "boot" });
  }
  using again = new JobStore(path);
  expect(again.get("a")).toMatchObject({
    status: "running",
    pid: 7,
    start_ticks: 8,
    dataset_folders: ["/data/cats"],
  });
});

test("D8: the same config, or the same folder, is not added twice while one is unfinished", async () => {
  using store = new JobStore(await newPath());
  expect(store.add(job("a"))).toBeUndefined();
  expect(store.add(job("b", { config: "config-a" }))).toBe("a");
  expect(store.add(job("c", { output_folder: "/out/a" }))).toBe("a");
  store.claimNext(self, now);
  store.finish("a", ending);
  expect(store.add(job("b", { config: "config-a" }))).toBeUndefined();
});

test("D8: jobs run one after the other, in the order in which they came", async () => {
  using store = new JobStore(await newPath());
  for (const id of ["a", "b", "c"]) store.add(job(id));
  expect(store.claimNext(self, now)?.id).toBe("a");
  expect(store.claimNext(self, now)).toBeUndefined();
  expect(["a", "b", "c"].map((id) => store.queuePosition(id))).toEqual([null, 1, 2]);
  store.finish("a", ending);
  expect(store.claimNext(self, now)?.id).toBe("b");
});

test("two agents on one database never claim the same job", async () => {
  const path = await newPath();
  using one = new JobStore(path);
  using two = new JobStore(path);
  one.add(job("a"));
  expect([one.claimNext(self, now)?.id, two.claimNext({ ...self, pid: 2 }, now)?.id]).toEqual([
    "a",
    undefined,
  ]);
});

test("a job ends once: the second verdict changes nothing", async () => {
  using store = new JobStore(await newPath());
  store.add(job("a"));
  store.claimNext(self, now);
  expect(store.finish("a", ending)).toBe(true);
  expect(store.finish("a", { ...ending, status: "failed" })).toBe(false);
  expect(store.get("a")?.status).toBe("completed");
});

test("D7: stopping a finished job does not relabel it", async () => {
  using store = new JobStore(await newPath());
  store.add(job("a"));
  store.claimNext(self, now);
  store.finish("a", ending);
  expect([store.requestStop("a", now), store.cancelPending("a", now)]).toEqual([false, false]);
  expect(store.get("a")).toMatchObject({ status: "completed", stop_requested_at: null });
});

const current = (store: JobStore, id: string) => {
  const found = store.get(id);
  if (!found) throw new Error(`no job ${id}`);
  return found;
};

test("a job whose claimer died goes back to its place in the queue", async () => {
  using store = new JobStore(await newPath());
  for (const id of ["a", "b"]) store.add(job(id));
  store.claimNext(self, now);
  const stale = current(store, "a");
  expect(store.unclaim(stale, now)).toBe(true);
  expect(store.queuePosition("a")).toBe(1);
  store.claimNext({ ...self, pid: 99 }, now);
  expect(store.unclaim(stale, now)).toBe(false); // claimed by another in the meantime
  store.launched("a", { pid: 7, startTicks: 8, bootId: null });
  expect(store.unclaim(current(store, "a"), now)).toBe(false);
});

test("a job that shall stop and was never launched is stopped, not started again", async () => {
  using store = new JobStore(await newPath());
  store.add(job("a"));
  store.claimNext(self, now);
  store.requestStop("a", now);
  expect(store.unclaim(current(store, "a"), now)).toBe(true);
  expect(store.get("a")).toMatchObject({ status: "stopped", finished_at: now });
});

test("D19: jobs are listed newest first, also by status", async () => {
  using store = new JobStore(await newPath());
  for (const id of ["a", "b", "c"]) store.add(job(id));
  store.claimNext(self, now);
  expect(store.list(2).map(({ id }) => id)).toEqual(["c", "b"]);
  expect(store.list(9, "pending").map(({ id }) => id)).toEqual(["c", "b"]);
  expect([store.count(), store.count("pending"), store.count("running")]).toEqual([3, 2, 1]);
});

test("a database of a newer version is refused, not damaged", async () => {
  const path = await newPath();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 999");
  db.close();
  expect(() => new JobStore(path)).toThrow("newer version");
});
