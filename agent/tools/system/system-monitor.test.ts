import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { GpuMonitor } from "./gpu-monitor.ts";
import { SystemMonitor } from "./system-monitor.ts";

const monitors: SystemMonitor[] = [];

afterEach(async () => {
  await Promise.all(monitors.splice(0).map((monitor) => monitor.close()));
});

function monitorOf(
  path: string,
  command: readonly [string, ...string[]] = ["/nonexistent/nvidia-smi"],
): SystemMonitor {
  const monitor = new SystemMonitor({ path, gpu: new GpuMonitor({ command }) });
  monitors.push(monitor);
  return monitor;
}

test("D13: the first answer comes from two readings and has figures in units, not percent only", async () => {
  const stats = await monitorOf(tmpdir()).read();
  expect(stats.cpu_percent).toBeGreaterThanOrEqual(0);
  expect(stats.cpu_percent).toBeLessThanOrEqual(100);
  expect(stats.cpu.cores).toBe(cpus().length);
  expect(stats.memory.total_bytes).toBe(totalmem());
  expect(stats.memory.available_bytes).toBeGreaterThan(0);
  expect(stats.memory_percent).toBeCloseTo(100 * (1 - stats.memory.available_bytes / totalmem()), 0);
  expect(new Date(stats.sampled_at).toISOString()).toBe(stats.sampled_at);
});

// Memory of its own file system: its size is not that of the disk beneath `/`.
test.skipIf(!existsSync("/dev/shm"))(
  "D13: the disk is the one that holds the output, even before its folder is made",
  async () => {
    const path = join("/dev/shm", "not", "made", "yet");
    const stats = await monitorOf(path).read();
    const { blocks, bsize } = await statfs("/dev/shm");
    expect(stats.disk).toMatchObject({ path, total_bytes: blocks * bsize });
    expect(stats.disk.free_bytes).toBeLessThanOrEqual(blocks * bsize);
  },
);

test("D12: GPUs are those nvidia-smi shows, and the first answer waits for them", async () => {
  const line = "0, GPU-1, NVIDIA H200, 143771, 5, 12, 30, 75.50, 700.00";
  const stats = await monitorOf(tmpdir(), ["sh", "-c", `sleep 0.4; echo '${line}'; exec sleep 60`]).read();
  expect(stats.gpu).toMatchObject({
    cuda_available: true,
    note: null,
    devices: [{ index: 0, utilization_percent: 12 }],
  });
});

test("D12: without an NVIDIA driver there are no GPUs, and the reason", async () => {
  const { gpu } = await monitorOf(tmpdir()).read();
  expect(gpu).toMatchObject({ cuda_available: false, devices: [] });
  expect(gpu.note).toContain("not found");
});

test("asking again answers from the last sample", async () => {
  const monitor = monitorOf(tmpdir());
  const first = await monitor.read();
  expect((await monitor.read()).sampled_at).toBe(first.sampled_at);
});
