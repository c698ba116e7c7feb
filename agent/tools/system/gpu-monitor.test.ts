import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GpuMonitor, type GpuMonitorOptions } from "./gpu-monitor.ts";

let folder: string;
const monitors: GpuMonitor[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gpu-monitor-"));
});
afterEach(async () => {
  await Promise.all(monitors.splice(0).map((monitor) => monitor.close()));
  await rm(folder, { recursive: true });
});

/** A real process in place of nvidia-smi. */
function monitorOf(script: string, options: GpuMonitorOptions = {}): GpuMonitor {
  const monitor = new GpuMonitor({ command: ["sh", "-c", script], ...options });
  monitors.push(monitor);
  return monitor;
}

const line = (index: number, utilization: number) =>
  `${index}, GPU-${index}, NVIDIA H200, 143771, 5, ${utilization}, 30, 75.50, 700.00`;

const stays = "exec sleep 60";

test("every GPU is shown, in the order of its index", async () => {
  const monitor = monitorOf(`printf '%s\\n' '${line(1, 7)}' '${line(0, 42)}'; ${stays}`);
  await monitor.ready;
  await vi.waitFor(() => expect(monitor.read().devices.map(({ index }) => index)).toEqual([0, 1]), 20_000);
  expect(monitor.read()).toMatchObject({
    devices: [{ utilization_percent: 42 }, { utilization_percent: 7 }],
    note: null,
  });
});

test("the newest line of a GPU counts, also when it arrives in pieces", async () => {
  const [start, end] = [line(0, 55).slice(0, 20), line(0, 55).slice(20)];
  const monitor = monitorOf(
    `echo '${line(0, 1)}'; printf '%s' '${start}'; sleep 0.05; echo '${end}'; ${stays}`,
  );
  await vi.waitFor(() => expect(monitor.read().devices).toMatchObject([{ utilization_percent: 55 }]), 20_000);
});

test("D12: a machine without nvidia-smi says so", async () => {
  const monitor = new GpuMonitor({ command: [join(folder, "nvidia-smi")] });
  monitors.push(monitor);
  await monitor.ready;
  expect(monitor.read().devices).toEqual([]);
  expect(monitor.read().note).toMatch(/nvidia-smi not found: no NVIDIA driver/);
});

test("what nvidia-smi says when it fails is the note", async () => {
  const monitor = monitorOf("echo 'No devices were found'; echo 'see the manual'; exit 6");
  await monitor.ready;
  expect(monitor.read()).toEqual({ devices: [], note: "sh failed: No devices were found" });
});

test("a program that ends without a word is told by its status", async () => {
  const monitor = monitorOf("exit 9");
  await monitor.ready;
  expect(monitor.read().note).toBe("sh failed: it ended with status 9");
});

test("a program that dies is started again", async () => {
  const runs = join(folder, "runs");
  const monitor = monitorOf(
    `echo run >> '${runs}'; if [ "$(wc -l < '${runs}')" -lt 3 ]; then echo broken >&2; exit 1; fi; echo '${line(0, 3)}'; ${stays}`,
    { firstPauseMs: 1 },
  );
  await vi.waitFor(() => expect(monitor.read().devices).toHaveLength(1), 20_000);
  expect((await readFile(runs, "utf8")).trim().split("\n")).toHaveLength(3);
});

test("figures that are too old are not shown as if they were of now", async () => {
  let nowMs = 0;
  const monitor = monitorOf(`echo '${line(0, 3)}'; ${stays}`, { now: () => nowMs, staleMs: 10_000 });
  await vi.waitFor(() => expect(monitor.read().devices).toHaveLength(1), 20_000);
  nowMs = 10_001;
  expect(monitor.read()).toEqual({
    devices: [],
    note: "nvidia-smi has said nothing for more than 10 seconds",
  });
});

test("closing ends the program and starts no other", async () => {
  const pids = join(folder, "pids");
  const runs = join(folder, "runs");
  const linesOf = async (path: string) => (await readFile(path, "utf8")).trim().split("\n");
  const monitor = monitorOf(`echo $$ >> '${pids}'; echo '${line(0, 3)}'; ${stays}`, { firstPauseMs: 1 });
  await vi.waitFor(() => expect(monitor.read().devices).toHaveLength(1), 20_000);
  const [pid] = await linesOf(pids);
  await monitor.close();
  expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH");
  // Time enough for another one with the same pause to have started three times.
  monitorOf(`echo run >> '${runs}'; exit 1`, { firstPauseMs: 1 });
  await vi.waitFor(async () => expect((await linesOf(runs)).length).toBeGreaterThan(2), 20_000);
  expect(await linesOf(pids)).toEqual([pid]);
});

/** An nvidia-smi whose driver knows only some fields; it says no as the real one does. */
async function monitorOfDriver(unknown: string, output: string): Promise<GpuMonitor> {
  const path = join(folder, "nvidia-smi");
  const refuse = `printf 'Field "%s" is not a valid field to query.\\n\\n' "$field"; exit 2`;
  const script = `#!/bin/sh
echo "$1" >> '${folder}/asked'
for field in ${unknown}; do case "$1" in *"$field"*) ${refuse};; esac; done
${output}
exec sleep 60
`;
  await writeFile(path, script, { mode: 0o755 });
  const monitor = new GpuMonitor({ command: [path], firstPauseMs: 60_000 });
  monitors.push(monitor);
  return monitor;
}

test("an older driver is asked by the field's older name, at once", async () => {
  const samples = `for n in 1 2 3 4 5; do echo '${line(0, 90)}, 0x0000000000000060'; done`;
  const monitor = await monitorOfDriver("clocks_event_reasons.active", samples);
  await vi.waitFor(() => expect(monitor.read().devices).toMatchObject([{ throttling: ["thermal"] }]), 20_000);
  const asked = (await readFile(join(folder, "asked"), "utf8")).trim().split("\n");
  expect(asked).toHaveLength(2);
  expect(asked[1]).toContain("clocks_throttle_reasons.active");
});

test("a driver that knows neither name still shows its GPUs", async () => {
  const monitor = await monitorOfDriver(
    "clocks_event_reasons.active clocks_throttle_reasons.active",
    `echo '${line(0, 90)}'`,
  );
  await monitor.ready;
  await vi.waitFor(
    () => expect(monitor.read().devices).toMatchObject([{ utilization_percent: 90, throttling: null }]),
    20_000,
  );
});

test("a slow-down that comes and goes is none; what held in five samples is", async () => {
  const sample = (mask: string) => `echo '${line(0, 90)}, ${mask}';`;
  const flickering = monitorOf(`${["0x24", "0x24", "0x04", "0x24", "0x24"].map(sample).join("")} ${stays}`);
  await vi.waitFor(
    () => expect(flickering.read().devices).toMatchObject([{ throttling: ["power_cap"] }]),
    20_000,
  );
  const young = monitorOf(`${["0x24", "0x24"].map(sample).join("")} ${stays}`);
  await vi.waitFor(() => expect(young.read().devices).toMatchObject([{ throttling: null }]), 20_000);
});
