import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { GpuWatch } from "../../gpus/gpu-watch.ts";
import { type NvidiaSmi, pretendNvidiaSmi } from "../../testing/nvidia-smi.ts";
import { scratch } from "../../testing/scratch.ts";
import { JobStore } from "../training/job-store.ts";
import { FolderWatch } from "./folder-watch.ts";
import { Starter } from "./starter.ts";

const self = { pid: 1, startTicks: 2, bootId: "boot" };
const created_at = "2026-11-22T12:00:00.000Z";
const TICKS = 100;

async function starterOn(smi: NvidiaSmi, jobs: readonly string[], folders = new FolderWatch()) {
  const store = new JobStore(join(await scratch(), "agent.db"));
  for (const id of jobs) {
    store.add({
      id,
      config: id,
      name: id,
      trainer: "ai-toolkit",
      total_steps: 10,
      output_folder: `/out/${id}`,
      dataset_folders: [],
      created_at,
    });
  }
  let nowMs = 0;
  const gpus = new GpuWatch({ environment: { PATH: `${smi.folder}:/usr/bin:/bin` }, nowMs: () => nowMs });
  const looked = vi.fn();
  const starter = new Starter({ store, gpus, folders, now: () => new Date(), looked });
  return {
    store,
    gpus,
    /** One look of the supervisor a second. @returns what was claimed */
    tick: async (times: number) => {
      const claimed: string[] = [];
      for (let n = 0; n < times; n += 1) {
        nowMs += 1_000;
        claimed.push(...[await starter.claimNext(self)].flatMap((job) => job?.id ?? []));
      }
      return claimed;
    },
    /** Waits for the look at the GPUs that a tick has begun. */
    looks: (count: number) => vi.waitFor(() => expect(looked).toHaveBeenCalledTimes(count), 20_000),
    calls: async () => (await smi.calls()).filter((call) => call.startsWith("--query-gpu")).length,
  };
}

test("nobody looks at the GPUs while nothing could start", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" });
  const { store, tick, looks, calls } = await starterOn(smi, ["a", "b"]);
  expect(await tick(1)).toEqual([]); // the first look is on its way
  await looks(1);
  expect(await tick(1)).toEqual(["a"]);
  expect(await tick(TICKS)).toEqual([]); // b waits for a
  store.queue.setHeld("b", true);
  expect(await tick(TICKS)).toEqual([]);
  expect(await calls()).toBe(1);
});

test("nothing starts on what was seen before the last change", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" }, { uuid: "GPU-b" });
  const { gpus, tick, looks, calls } = await starterOn(smi, ["a", "b", "c"]);
  await tick(1);
  await looks(1);
  expect(await tick(1)).toEqual(["a"]);
  gpus.expire();
  expect(await tick(1)).toEqual([]);
  await looks(2);
  expect(await tick(1)).toEqual(["b"]);
  expect(await calls()).toBe(2);
});

test("a GPU that somebody else uses is looked at every few seconds, not at every tick", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" });
  await smi.setApps({ uuid: "GPU-a", pid: 1, used: 9_000 });
  const { tick, looks, calls } = await starterOn(smi, ["a"]);
  await tick(1);
  await looks(1);
  expect(await tick(5)).toEqual([]);
  expect(await calls()).toBe(1);
  await smi.setApps();
  expect(await tick(1)).toEqual([]);
  await looks(2);
  expect(await tick(1)).toEqual(["a"]);
});

test("a driver that needs longer to answer than an answer counts does not stop the queue", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" });
  const { tick, looks } = await starterOn(smi, ["a"]);
  await tick(30); // half a minute passes while it looks
  await looks(1);
  expect(await tick(1)).toEqual(["a"]);
});

test("a job whose folder somebody else writes to lets the next one start, and starts when that has ended", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" }, { uuid: "GPU-b" });
  const writing = new Set(["/out/a"]);
  const folders = new FolderWatch(async (folder) =>
    writing.has(folder) ? { jobId: null, title: "somebody", state: "writing" } : undefined,
  );
  const { tick, looks } = await starterOn(smi, ["a", "b"], folders);
  await tick(1);
  await looks(1);
  expect(await tick(1)).toEqual(["b"]);
  expect(folders.obstacle("/out/a")).toBe("somebody is writing to /out/a");
  writing.clear();
  await vi.waitFor(async () => expect(await tick(1)).toEqual(["a"]), { timeout: 20_000, interval: 50 });
  expect(folders.obstacle("/out/a")).toBeUndefined();
});

test("a folder is reserved while the run before it there is looked through", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" });
  const folders = new FolderWatch();
  const free = folders.reserve("/out/a", "not yet");
  const { tick, looks } = await starterOn(smi, ["a"], folders);
  await tick(1);
  await looks(1);
  expect(await tick(1)).toEqual([]);
  expect(folders.obstacle("/out/a")).toBe("not yet");
  free();
  expect(await tick(1)).toEqual(["a"]);
});
