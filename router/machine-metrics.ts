// The machines in figures: their links, as this process has seen them, and what they say of themselves.
import * as v from "valibot";
import { agentHealth, getSystemStats } from "../shared/tools/system.ts";
import type { Connected, Hub } from "./hub.ts";
import type { Machine } from "./machine-registry.ts";
import type { Family, Sample } from "./prometheus.ts";

/** A scrape waits no longer for a machine; then what it said last stands in. */
const ASK_TIMEOUT_MS = 2_000;
const MIB = 1024 * 1024;

const Said = v.object({
  gpu: getSystemStats.output.entries.gpu,
  jobs: agentHealth.output.entries.jobs,
});
type Said = v.InferOutput<typeof Said>;

interface Seen {
  connections: number;
  last?: { readonly said: Said; readonly atMs: number };
}

/** What one machine said last, with the name under which it is known. */
interface Told {
  readonly machine: string;
  readonly said: Said;
}

export class MachineMetrics {
  readonly #seen = new Map<string, Seen>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  connected(name: string): void {
    this.#of(name).connections += 1;
  }

  #of(name: string): Seen {
    const seen = this.#seen.get(name) ?? { connections: 0 };
    this.#seen.set(name, seen);
    return seen;
  }

  /** Asks those that are here. @param machines all that are known; others are forgotten here, too */
  async families(machines: readonly Machine[], hub: Hub): Promise<Family[]> {
    const names = new Set(machines.map(({ name }) => name));
    for (const name of this.#seen.keys()) if (!names.has(name)) this.#seen.delete(name);
    await Promise.all(machines.map(({ name }) => this.#ask(name, hub.get(name))));
    const each = (sample: (machine: Machine, agent: Connected | undefined) => number | undefined): Sample[] =>
      machines.flatMap((machine) => {
        const value = sample(machine, hub.get(machine.name));
        return value === undefined ? [] : [{ labels: { machine: machine.name }, value }];
      });
    const ageSeconds = ({ name }: Machine) => {
      const last = this.#seen.get(name)?.last;
      return last && Math.max(0, (this.#nowMs() - last.atMs) / 1_000);
    };
    return [
      gauge(
        "machine_connected",
        "1 while the machine is here.",
        each((_, agent) => (agent ? 1 : 0)),
      ),
      {
        name: "mcp_ai_toolkit_machine_connections_total",
        help: "How often the machine has connected; all but the first are reconnects.",
        type: "counter",
        samples: each(({ name }) => this.#seen.get(name)?.connections ?? 0),
      },
      gauge(
        "machine_last_seen_timestamp_seconds",
        "When the machine was last seen.",
        each(({ last_seen_at }, agent) => (agent ? this.#nowMs() : Date.parse(last_seen_at)) / 1_000),
      ),
      gauge(
        "machine_open_calls",
        "Calls that wait for the machine's answer.",
        each((_, agent) => agent?.peer.openCalls ?? 0),
      ),
      gauge("machine_figures_age_seconds", "How old the figures below are.", each(ageSeconds)),
      ...figures(
        machines.flatMap(({ name }) => {
          const said = this.#seen.get(name)?.last?.said;
          return said ? [{ machine: name, said }] : [];
        }),
      ),
    ];
  }

  async #ask(name: string, agent: Connected | undefined): Promise<void> {
    if (!agent) return;
    const ask = (tool: string) =>
      agent.peer.call(tool, {}, { timeoutMs: ASK_TIMEOUT_MS }).catch(() => undefined);
    const [stats, health] = await Promise.all([ask(getSystemStats.name), ask(agentHealth.name)]);
    const said = v.safeParse(Said, { ...asObject(stats), ...asObject(health) });
    if (said.success) this.#of(name).last = { said: said.output, atMs: this.#nowMs() };
  }
}

const asObject = (value: unknown) => (typeof value === "object" ? value : {});

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `mcp_ai_toolkit_${name}`, help, type: "gauge", samples };
}

function figures(told: readonly Told[]): Family[] {
  const jobs = told.flatMap(({ machine, said }) => [
    { labels: { machine, state: "running" }, value: said.jobs.running },
    { labels: { machine, state: "queued" }, value: said.jobs.queued },
  ]);
  /** null: the driver does not say. */
  const gpus = (value: (gpu: Said["gpu"]["devices"][number]) => number | null) =>
    told.flatMap(({ machine, said }) =>
      said.gpu.devices.flatMap((gpu) => {
        const known = value(gpu);
        return known === null ? [] : [{ labels: { machine, gpu: String(gpu.index) }, value: known }];
      }),
    );
  const bytes = (mib: number | null) => (mib === null ? null : mib * MIB);
  return [
    gauge("machine_jobs", "Trainings that run, and those that wait in the queue.", jobs),
    gauge(
      "gpu_utilization_percent",
      "How busy the GPU is.",
      gpus((gpu) => gpu.utilization_percent),
    ),
    gauge(
      "gpu_memory_used_bytes",
      "GPU memory in use.",
      gpus((gpu) => bytes(gpu.memory_used_mib)),
    ),
    gauge(
      "gpu_memory_total_bytes",
      "GPU memory.",
      gpus((gpu) => bytes(gpu.memory_total_mib)),
    ),
    gauge(
      "gpu_temperature_celsius",
      "How hot the GPU is.",
      gpus((gpu) => gpu.temperature_c),
    ),
    gauge(
      "gpu_power_watts",
      "What the GPU draws.",
      gpus((gpu) => gpu.power_w),
    ),
  ];
}
