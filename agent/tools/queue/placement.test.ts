import { describe, expect, test } from "vitest";
import type { GpuSnapshot, GpuState } from "../../gpus/gpu.ts";
import { placement } from "./placement.ts";

const gpu = (index: number, more: Partial<GpuState> = {}): GpuState => ({
  index,
  uuid: `GPU-${index}`,
  name: "NVIDIA GeForce RTX 4090",
  totalMib: 24_564,
  usedMib: 0,
  freeMib: 24_000,
  apps: [],
  ...more,
});
const gpus = (...all: GpuState[]): GpuSnapshot => ({ kind: "gpus", gpus: all });
const TWO = gpus(gpu(0), gpu(1));
const taken = gpu(0, {
  usedMib: 20_600,
  freeMib: 3_900,
  apps: [{ pid: 4711, name: "python", usedMib: 20_582, session: 4000 }],
});

const job = (id: string, more: Partial<Parameters<typeof placement>[0]["waiting"][number]> = {}) => ({
  id,
  config: id,
  trainer: "ai-toolkit" as const,
  held: false,
  forced: false,
  wished_gpu: null,
  ...more,
});
const runs = (config: string, gpu_uuid: string | null) => ({ config, pid: 77, gpu_uuid });

/** `a>0`: a starts on GPU 0; `a>`: without one; `a: …`: what it waits for. */
function places(
  snapshot: GpuSnapshot,
  waiting: ReturnType<typeof job>[],
  {
    running = [],
    hadGpus = false,
    occupied = {},
  }: { running?: ReturnType<typeof runs>[]; hadGpus?: boolean; occupied?: Record<string, string> } = {},
): string[] {
  const inTheWay = ({ id }: { readonly id: string }) => occupied[id];
  return placement({ snapshot, waiting, running, hadGpus, occupied: inTheWay }).map((place) =>
    place.starts
      ? `${place.job.id}>${place.gpu?.index ?? ""}`
      : `${place.job.id}${place.looksAgain ? "?" : ""}: ${place.waitingFor}`,
  );
}

describe("with GPUs", () => {
  test("each free GPU takes a job, in order; the next one waits", () => {
    expect(places(TWO, [job("a"), job("b"), job("c")])).toEqual([
      "a>0",
      "b>1",
      "c: GPU 0 (RTX 4090) goes to 'a' first; GPU 1 (RTX 4090) goes to 'b' first",
    ]);
  });

  test("auto takes the free GPU with most free memory, whatever its index", () => {
    expect(places(gpus(gpu(0, { freeMib: 9_000 }), gpu(1)), [job("a"), job("b")])).toEqual(["a>1", "b>0"]);
    expect(places(gpus(gpu(0, { freeMib: null }), gpu(1)), [job("a")])).toEqual(["a>1"]);
  });

  test("a job that waits for a busy GPU does not hold up those behind it", () => {
    const waiting = [job("a", { wished_gpu: "GPU-0" }), job("b", { wished_gpu: "GPU-0" }), job("c")];
    expect(places(TWO, waiting, { running: [runs("long", "GPU-0")] })).toEqual([
      "a: GPU 0 (RTX 4090) is training 'long'",
      "b: GPU 0 (RTX 4090) is training 'long'",
      "c>1",
    ]);
  });

  test("the order on one GPU is kept", () => {
    const waiting = [job("a", { wished_gpu: "GPU-0" }), job("b", { wished_gpu: "GPU-0" })];
    expect(places(TWO, waiting)).toEqual(["a>0", "b: GPU 0 (RTX 4090) goes to 'a' first"]);
  });

  test("a job whose folder is not free is passed by, also when it is forced", () => {
    const waiting = [job("a", { forced: true }), job("b"), job("c", { held: true })];
    expect(
      places(gpus(gpu(0)), waiting, { occupied: { a: "its folder is written to", c: "so is its" } }),
    ).toEqual([
      "a: its folder is written to",
      "b>0",
      "c: It is held; update_queue with action release lets it start",
    ]);
  });

  test("a held job is passed by", () => {
    expect(places(gpus(gpu(0)), [job("a", { held: true }), job("b")])).toEqual([
      "a: It is held; update_queue with action release lets it start",
      "b>0",
    ]);
  });

  test("a GPU that somebody else uses is waited for, unless the job was forced", () => {
    const waiting = [job("a"), job("b", { forced: true }), job("c")];
    expect(places(gpus(taken), waiting)).toEqual([
      "a?: GPU 0 (RTX 4090) is used by python (pid 4711, 20.1 GiB), not started by this server",
      "b>0",
      "c: GPU 0 (RTX 4090) goes to 'b' first",
    ]);
    expect(places(gpus(taken, gpu(1)), [job("a"), job("b")])).toEqual([
      "a>1",
      "b?: GPU 0 (RTX 4090) is used by python (pid 4711, 20.1 GiB), not started by this server; GPU 1 (RTX 4090) goes to 'a' first",
    ]);
  });

  test("force does not push a run of ours aside", () => {
    expect(places(gpus(gpu(0)), [job("a", { forced: true })], { running: [runs("long", "GPU-0")] })).toEqual([
      "a: GPU 0 (RTX 4090) is training 'long'",
    ]);
  });

  test("a job whose GPU has vanished says so, and others go on", () => {
    expect(places(gpus(gpu(0)), [job("a", { wished_gpu: "GPU-1" }), job("b")])).toEqual([
      "a?: GPU-1 is not there: a driver fault, or it was taken out; there is GPU 0 (RTX 4090) (update_queue with action move and gpu gives the job another)",
      "b>0",
    ]);
  });

  test("a run that was started without a GPU of its own may be on any", () => {
    expect(places(TWO, [job("a")], { running: [runs("old", null)] })).toEqual([
      "a: 'old' is running without a GPU of its own, on any of them",
    ]);
  });
});

describe("without GPUs to share out", () => {
  const none: GpuSnapshot = { kind: "none", note: "There is no NVIDIA driver on this machine" };
  const own: GpuSnapshot = { kind: "own", note: "CUDA_VISIBLE_DEVICES hides every GPU from this server" };
  const failed: GpuSnapshot = { kind: "failed", note: "nvidia-smi failed: oh" };

  test.each([none, own])("one training at a time: $kind", (snapshot) => {
    expect(places(snapshot, [job("a"), job("b")])).toEqual(["a>", "b: 'a' starts first"]);
    expect(places(snapshot, [job("b")], { running: [runs("a", null)] })).toEqual([
      "b: 'a' is running, one training at a time",
    ]);
  });

  test("another agent's run on a GPU that we cannot see counts, too", () => {
    expect(places(own, [job("b")], { running: [runs("a", "GPU-0")] })).toEqual([
      "b: 'a' is running, one training at a time",
    ]);
  });

  test("a job for a certain GPU waits for it", () => {
    expect(places(none, [job("a", { wished_gpu: "GPU-1" }), job("b")])).toEqual([
      "a?: GPU-1 is not there: There is no NVIDIA driver on this machine",
      "b>",
    ]);
  });

  test("when the driver fails the queue waits, rather than let job after job fail", () => {
    expect(places(failed, [job("a")])).toEqual(["a?: nvidia-smi failed: oh"]);
    expect(places(none, [job("a")], { hadGpus: true })).toEqual([
      "a?: There is no NVIDIA driver on this machine",
    ]);
    expect(places(failed, [job("a"), job("b", { forced: true })], { hadGpus: true })).toEqual([
      "a?: nvidia-smi failed: oh",
      "b>",
    ]);
  });

  test("a rehearsal needs no driver", () => {
    expect(places(failed, [job("a", { trainer: "rehearsal" })])).toEqual(["a>"]);
  });
});
