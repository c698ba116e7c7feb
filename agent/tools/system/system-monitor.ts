// The machine's figures, sampled in the background, so that asking costs nothing and CPU load is that of the last two
// seconds, not of the time since somebody asked before.
import { cpus, loadavg } from "node:os";
import type * as v from "valibot";
import { ToolError } from "../../../shared/errors.ts";
import type { getSystemStats } from "../../../shared/tools/system.ts";
import { diskSpace } from "../../files/disk-space.ts";
import { CpuMeter, percent } from "./cpu-meter.ts";
import { GpuMonitor, type GpuReading } from "./gpu-monitor.ts";

export type SystemStats = v.InferInput<(typeof getSystemStats)["output"]>;
type Sample = Omit<SystemStats, "gpu">;

export interface SystemMonitorOptions {
  /** Figures of the disk are those of the file system that holds this path. */
  readonly path: string;
  readonly gpu?: GpuMonitor | undefined;
  readonly now?: () => Date;
}

const INTERVAL_MS = 2000;
/** The first span of CPU time. The kernel counts in hundredths of a second; shorter spans would be noise. */
const FIRST_SPAN_MS = 200;
/** How long the very first question may wait, for the figures and then for the GPUs. */
const FIRST_WAIT_MS = 2000;

export class SystemMonitor {
  readonly #path: string;
  readonly #gpu: GpuMonitor;
  readonly #now: () => Date;
  /** Over when the first figures are there, the GPUs' included, or when it took too long. */
  readonly #started: Promise<void>;
  readonly #startLimit: NodeJS.Timeout;
  readonly #cpu = new CpuMeter(cpus());
  #latest: Sample | undefined;
  #failure: unknown;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ path, gpu = new GpuMonitor(), now = () => new Date() }: SystemMonitorOptions) {
    this.#path = path;
    this.#gpu = gpu;
    this.#now = now;
    const first = Promise.withResolvers<void>();
    this.#sampleAfter(FIRST_SPAN_MS, first.resolve);
    const tooLong = Promise.withResolvers<void>();
    this.#startLimit = setTimeout(tooLong.resolve, FIRST_WAIT_MS);
    this.#started = Promise.race([Promise.all([first.promise, gpu.ready]), tooLong.promise]).then(() =>
      clearTimeout(this.#startLimit),
    );
  }

  /** The last sample; waits only in the first moments after the start. */
  async read(): Promise<SystemStats> {
    await this.#started;
    if (!this.#latest) {
      throw new ToolError("internal", "The machine's figures cannot be read", { cause: this.#failure });
    }
    const { devices, note } = this.#gpu.read();
    return { ...this.#latest, gpu: { cuda_available: devices.length > 0, devices, note } };
  }

  /** The GPUs as they were last seen, at once: none in the first moments. */
  gpus(): GpuReading {
    return this.#gpu.read();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#startLimit);
    await this.#gpu.close();
  }

  /** One sample after the other, never two at once: a hung network disk stops the sampling, not the agent. */
  #sampleAfter(delayMs: number, done: () => void = () => {}): void {
    const next = async () => {
      try {
        this.#latest = await this.#sample();
      } catch (error) {
        this.#failure = error; // the last good sample stays, and says its age
      }
      done();
      if (!this.#closed) this.#sampleAfter(INTERVAL_MS);
    };
    this.#timer = setTimeout(() => void next(), delayMs).unref();
  }

  async #sample(): Promise<Sample> {
    const cores = cpus();
    const cpuPercent = this.#cpu.percent(cores);
    // Not systeminformation's currentLoad: it starts a shell for each sample.
    const { mem } = await import("systeminformation"); // a big library; the program need not wait for it to start
    const [memory, { totalBytes, freeBytes }] = await Promise.all([mem(), diskSpace(this.#path)]);
    return {
      cpu_percent: cpuPercent,
      memory_percent: percent(memory.total - memory.available, memory.total),
      disk_usage_percent: percent(totalBytes - freeBytes, totalBytes),
      cpu: { cores: cores.length, load_1m: loadavg()[0] ?? 0 },
      memory: { total_bytes: memory.total, available_bytes: memory.available },
      disk: { path: this.#path, total_bytes: totalBytes, free_bytes: freeBytes },
      sampled_at: this.#now().toISOString(),
    };
  }
}
