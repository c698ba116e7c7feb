import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { type NvidiaSmi, pretendNvidiaSmi } from "../testing/nvidia-smi.ts";
import { startRunPy } from "../testing/run-py.ts";
import { scratch } from "../testing/scratch.ts";
import { GpuWatch } from "./gpu-watch.ts";
import { readGpus } from "./query.ts";

const never = new AbortController().signal;
const TWO = [{ uuid: "GPU-aaaa" }, { uuid: "GPU-bbbb", usedMib: 20_000 }] as const;
const on = (smi: NvidiaSmi, more: Readonly<Record<string, string>> = {}) => ({
  PATH: `${smi.folder}:/usr/bin:/bin`,
  ...more,
});

test("GPUs have their memory and the programs on them, ours with their session", async () => {
  await using smi = await pretendNvidiaSmi(...TWO);
  // In a session of its own, as a run is; the one of this test may belong to nobody that can be seen from a container.
  const program = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
  await once(program, "spawn");
  const pid = program.pid ?? 0;
  try {
    await smi.setApps({ uuid: "GPU-bbbb", pid, path: "/usr/bin/node", used: 19_000 });
    const app = { pid, name: "node", usedMib: 19_000, session: process.platform === "linux" ? pid : null };
    expect(await readGpus(on(smi), never)).toEqual({
      kind: "gpus",
      gpus: [
        expect.objectContaining({ index: 0, uuid: "GPU-aaaa", freeMib: 24_546, apps: [] }),
        expect.objectContaining({ index: 1, usedMib: 20_000, apps: [expect.objectContaining(app)] }),
      ],
    });
  } finally {
    program.kill("SIGKILL");
  }
});

test.runIf(process.platform === "linux")("a training of the web UI is called by its name", async () => {
  await using smi = await pretendNvidiaSmi(...TWO);
  const toolkit = await scratch();
  const trainer = await startRunPy({ toolkit, config: "/x/output/cats/.job_config.json" });
  try {
    await smi.setApps({ uuid: "GPU-bbbb", pid: trainer.pid, used: 19_000 });
    const training = "the ai-toolkit web UI's job 'cats'";
    expect(await readGpus(on(smi), never)).toMatchObject({ gpus: [{}, { apps: [{ training }] }] });
  } finally {
    await trainer.kill();
  }
});

test("only the GPUs that the agent itself was given are there", async () => {
  await using smi = await pretendNvidiaSmi(...TWO);
  expect(await readGpus(on(smi, { CUDA_VISIBLE_DEVICES: "1" }), never)).toMatchObject({
    gpus: [{ uuid: "GPU-bbbb" }],
  });
  expect(await readGpus(on(smi, { CUDA_VISIBLE_DEVICES: "7" }), never)).toMatchObject({
    kind: "failed",
    note: expect.stringContaining("CUDA_VISIBLE_DEVICES=7"),
  });
  expect(await readGpus(on(smi, { CUDA_VISIBLE_DEVICES: "" }), never)).toMatchObject({ kind: "own" });
});

test("no driver, no GPU, and a driver that fails are three things", async () => {
  await using smi = await pretendNvidiaSmi(...TWO);
  expect(await readGpus({ PATH: "/nonexistent" }, never)).toMatchObject({ kind: "none" });
  await smi.fail("No devices were found", 6);
  expect(await readGpus(on(smi), never)).toMatchObject({ kind: "none" });
  await smi.fail("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.");
  expect(await readGpus(on(smi), never)).toEqual({
    kind: "failed",
    note: "nvidia-smi failed: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
  });
  await smi.fail(undefined);
  expect(await readGpus(on(smi), never)).toMatchObject({ kind: "gpus" });
});

test("one lost GPU does not hide the others", async () => {
  await using smi = await pretendNvidiaSmi(...TWO);
  await smi.fail(
    "0, GPU-aaaa, NVIDIA H200, 143771, 5, 143766\nUnable to determine the device handle for GPU 0000:0A:00.0: GPU is lost.",
    15,
  );
  expect(await readGpus(on(smi), never)).toMatchObject({ kind: "gpus", gpus: [{ uuid: "GPU-aaaa" }] });
});

test("a look is shared, kept, and no longer counts once something has changed", async () => {
  await using smi = await pretendNvidiaSmi(...TWO);
  let nowMs = 0;
  const watch = new GpuWatch({ environment: on(smi), nowMs: () => nowMs });
  expect([watch.latest, watch.ageMs]).toEqual([undefined, Number.POSITIVE_INFINITY]);
  await Promise.all([watch.refresh(), watch.refresh(), watch.within(2_000, 20_000)]);
  nowMs = 1_000;
  expect(watch.ageMs).toBe(1_000);
  expect(await watch.within(2_000, 20_000)).toMatchObject({ kind: "gpus" });
  expect(await smi.calls()).toHaveLength(2);
  watch.expire();
  expect(watch.ageMs).toBe(Number.POSITIVE_INFINITY);
  await watch.within(2_000, 20_000);
  expect(await smi.calls()).toHaveLength(4);
  await watch.close();
});

test("nobody waits for a driver that hangs, and closing gives it up", async () => {
  const folder = await scratch();
  await writeFile(join(folder, "nvidia-smi"), `#!/bin/sh\nexec sleep 600\n`, {
    mode: 0o755,
  });
  const watch = new GpuWatch({ environment: { PATH: `${folder}:/usr/bin:/bin` } });
  expect(await watch.within(2_000, 10)).toBeUndefined();
  await vi.waitFor(() => expect(watch.close()).resolves.toBeUndefined(), 10_000);
});
