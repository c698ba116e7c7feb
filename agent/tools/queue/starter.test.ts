import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { GpuWatch } from "../../gpus/gpu-watch.ts";
import { type NvidiaSmi, pretendNvidiaSmi } from "../../testing/nvidia-smi.ts";
import { JobStore } from "../training/job-store.ts";
import { Starter } from "./starter.ts";

const self = { pid: 1, startTicks: 2, bootId: "boot" };
const created_at = "2026-11-22T12:00:00.000Z";
const TICKS = 100;

async function starterOn(smi: NvidiaSmi, jobs: readonly string[]) {
  const store = new JobStore(join(await mkdtemp(join(tmpdir(), "aitk-db-")), "agent.db"));
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
  const starter = new Starter({ store, gpus, now: () => new Date(), looked });
  return {
    store,
    gpus,
    /** One look of the supervisor a second. @returns what was claimed */
    tick: (times: number) => {
      const claimed: string[] = [];
      for (let n = 0; n < times; n += 1) {
        nowMs += 1_000;
        claimed.push(...[starter.claimNext(self)].flatMap((job) => job?.id ?? []));
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
  expect(tick(1)).toEqual([]); // the first look is on its way
  await looks(1);
  expect(tick(1)).toEqual(["a"]);
  expect(tick(TICKS)).toEqual([]); // b waits for a
  store.queue.setHeld("b", true);
  expect(tick(TICKS)).toEqual([]);
  expect(await calls()).toBe(1);
});

test("nothing starts on what was seen before the last change", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" }, { uuid: "GPU-b" });
  const { gpus, tick, looks, calls } = await starterOn(smi, ["a", "b", "c"]);
  tick(1);
  await looks(1);
  expect(tick(1)).toEqual(["a"]);
  gpus.expire();
  expect(tick(1)).toEqual([]);
  await looks(2);
  expect(tick(1)).toEqual(["b"]);
  expect(await calls()).toBe(2);
});

test("a GPU that somebody else uses is looked at every few seconds, not at every tick", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" });
  await smi.setApps({ uuid: "GPU-a", pid: 1, used: 9_000 });
  const { tick, looks, calls } = await starterOn(smi, ["a"]);
  tick(1);
  await looks(1);
  expect(tick(5)).toEqual([]);
  expect(await calls()).toBe(1);
  await smi.setApps();
  expect(tick(1)).toEqual([]);
  await looks(2);
  expect(tick(1)).toEqual(["a"]);
});

test("a driver that needs longer to answer than an answer counts does not stop the queue", async () => {
  await using smi = await pretendNvidiaSmi({ uuid: "GPU-a" });
  const { tick, looks } = await starterOn(smi, ["a"]);
  tick(30); // half a minute passes while it looks
  await looks(1);
  expect(tick(1)).toEqual(["a"]);
});
