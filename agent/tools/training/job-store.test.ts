import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { scratch } from "../../testing/scratch.ts";
import { type Choose, JobStore, type NewJob } from "./job-store.ts";

const newPath = async () => join(await scratch(), "agent.db");
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
  requests: ["stop", "save_now"],
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
    requests: ["stop", "save_now"],
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
  expect([store.requestStop("a", now, false, self), store.cancelPending("a", now)]).toEqual([false, false]);
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
  store.requestStop("a", now, false, self);
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

test("a database that another program is making at this moment is waited for", async () => {
  const path = await newPath();
  const making = `
    import { DatabaseSync } from "node:sqlite";
    const db = new DatabaseSync(process.argv[1]);
    db.exec("BEGIN IMMEDIATE; CREATE TABLE other (a)");
    process.stdout.write("making");
    setTimeout(() => db.exec("COMMIT"), 300);`;
  const other = spawn(process.execPath, ["--input-type=module", "-e", making, path], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(other.stdout, "data");
  using store = new JobStore(path);
  expect(store.count()).toBe(0);
});

test("a database of a newer version is refused, not damaged", async () => {
  const path = await newPath();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 999");
  db.close();
  expect(() => new JobStore(path)).toThrow("newer version");
});

const onGpu = (uuid: string): Choose => {
  const gpu = { gpu_uuid: uuid, gpu_index: 0, gpu_name: "H200" };
  return ([first], running) =>
    first && !running.some(({ gpu_uuid }) => gpu_uuid === uuid) ? { id: first.id, gpu } : undefined;
};

test("a job is claimed with its GPU, and loses it when it goes back to the queue", async () => {
  using store = new JobStore(await newPath());
  store.add(job("a", { wished_gpu: "GPU-1", held: true, forced: true }));
  expect(store.get("a")).toMatchObject({ wished_gpu: "GPU-1", held: true, forced: true, gpu_uuid: null });
  expect(store.claimNext(self, now, onGpu("GPU-1"))).toMatchObject({ gpu_uuid: "GPU-1", gpu_name: "H200" });
  store.unclaim(current(store, "a"), now);
  expect(store.get("a")).toMatchObject({
    status: "pending",
    gpu_uuid: null,
    gpu_index: null,
    wished_gpu: "GPU-1",
  });
});

test("two agents on one database never put two jobs on one GPU, and decide on what the other has done", async () => {
  const path = await newPath();
  using one = new JobStore(path);
  using two = new JobStore(path);
  for (const id of ["a", "b", "c"]) one.add(job(id));
  const claims = [
    one.claimNext(self, now, onGpu("GPU-1")),
    two.claimNext({ ...self, pid: 2 }, now, onGpu("GPU-1")),
    two.claimNext({ ...self, pid: 2 }, now, onGpu("GPU-2")),
    one.claimNext(self, now, onGpu("GPU-2")),
  ];
  expect(claims.map((claimed) => claimed?.id)).toEqual(["a", undefined, "b", undefined]);
});

test("waiting jobs can be moved; whoever comes later still comes last", async () => {
  using store = new JobStore(await newPath());
  for (const id of ["run", "a", "b", "c", "d"]) store.add(job(id));
  store.claimNext(self, now);
  const order = () => store.waiting().map(({ id }) => id);
  expect(store.queue.move("d", 1)).toBe(true);
  expect(order()).toEqual(["d", "a", "b", "c"]);
  expect(store.queue.move("a", 3)).toBe(true);
  expect(order()).toEqual(["d", "b", "a", "c"]);
  expect(store.queue.move("d", 1_000_000)).toBe(true);
  expect(order()).toEqual(["b", "a", "c", "d"]);
  store.add(job("e"));
  expect(order()).toEqual(["b", "a", "c", "d", "e"]);
  expect(order().map((id) => store.queuePosition(id))).toEqual([1, 2, 3, 4, 5]);
  expect([store.queue.move("run", 1), store.queue.move("nobody", 1)]).toEqual([false, false]);
  store.finish("run", ending);
  expect(store.claimNext(self, now)?.id).toBe("b");
});

test("only what waits can be held, or be given another GPU", async () => {
  using store = new JobStore(await newPath());
  for (const id of ["a", "b"]) store.add(job(id));
  store.claimNext(self, now);
  expect([store.queue.setHeld("a", true), store.queue.setWish("a", "GPU-1")]).toEqual([false, false]);
  expect([store.queue.setHeld("b", true), store.queue.setWish("b", "GPU-1")]).toEqual([true, true]);
  expect(store.get("b")).toMatchObject({ held: true, wished_gpu: "GPU-1" });
  expect(store.queue.hasWaiting()).toBe(false);
});

test("speeds are those of runs alike on the same kind of GPU, the newest first", async () => {
  using store = new JobStore(await newPath());
  const like = { speed_key: "flux" };
  for (const [id, uuid] of [
    ["a", "GPU-1"],
    ["b", "GPU-2"],
    ["c", null],
  ] as const) {
    store.add(job(id, like));
    store.claimNext(self, now, uuid ? onGpu(uuid) : undefined);
    store.finish(id, ending);
    store.speeds.record(id, { secondsPerStep: id.charCodeAt(0), overheadSeconds: null });
  }
  expect(store.speeds.like(like, "H200").map(({ secondsPerStep }) => secondsPerStep)).toEqual([98, 97]);
  expect(store.speeds.like(like, null)).toEqual([{ secondsPerStep: 99, overheadSeconds: null }]);
  expect(store.speeds.like({ speed_key: "sdxl" }, "H200")).toEqual([]);
  expect(store.speeds.like({ speed_key: null }, "H200")).toEqual([]);
});

test("a database of the first version keeps its jobs, in their order", async () => {
  const path = await newPath();
  const db = new DatabaseSync(path);
  db.exec(FIRST_VERSION);
  db.close();
  using store = new JobStore(path);
  expect(store.waiting().map(({ id, held, wished_gpu }) => [id, held, wished_gpu])).toEqual([
    ["old-2", false, null],
    ["old-3", false, null],
  ]);
  expect(store.running()).toMatchObject([{ id: "old-1", gpu_uuid: null }]);
});

/** As the first release made it, with a job that runs and two that wait. */
const FIRST_VERSION = `
  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, config TEXT NOT NULL, name TEXT NOT NULL,
    trainer TEXT NOT NULL, status TEXT NOT NULL, total_steps INTEGER, output_folder TEXT NOT NULL,
    dataset_folders TEXT NOT NULL, created_at TEXT NOT NULL, started_at TEXT, finished_at TEXT, pid INTEGER,
    start_ticks INTEGER, boot_id TEXT, claimed_pid INTEGER, claimed_ticks INTEGER, stop_requested_at TEXT,
    exit_code INTEGER, final_step INTEGER, reason TEXT, hint TEXT
  ) STRICT;
  CREATE INDEX jobs_by_status ON jobs(status, seq);
  INSERT INTO jobs (id, config, name, trainer, status, output_folder, dataset_folders, created_at) VALUES
    ('old-1', 'a', 'a', 'rehearsal', 'running', '/out/a', '[]', '${now}'),
    ('old-2', 'b', 'b', 'rehearsal', 'pending', '/out/b', '[]', '${now}'),
    ('old-3', 'c', 'c', 'rehearsal', 'pending', '/out/c', '[]', '${now}');
  PRAGMA user_version = 1;`;

test("a job is to be recorded when it has ended, once, and again when it has ended anew", async () => {
  using store = new JobStore(await newPath());
  store.add(job("a"));
  store.add(job("b"));
  const unrecorded = () => store.unrecorded(10).map(({ id }) => id);
  expect(unrecorded()).toEqual([]);
  store.claimNext(self, now);
  store.finish("a", ending);
  store.cancelPending("b", now);
  expect(unrecorded()).toEqual(["a", "b"]);
  expect(store.unrecorded(1)).toHaveLength(1);
  store.keepRecord({ id: "a", finished_at: now }, "first");
  expect([unrecorded(), store.record("a"), store.record("b")]).toEqual([["b"], "first", undefined]);
  // What was recorded was not this ending.
  store.keepRecord({ id: "a", finished_at: "2026-11-21T12:00:00.000Z" }, "second");
  expect([unrecorded(), store.record("a")]).toEqual([["a", "b"], "second"]);
});
