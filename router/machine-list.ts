// What list_machines tells of each machine, and what a placement goes by.
import * as v from "valibot";
import { ToolError, toToolError } from "../shared/errors.ts";
import type { ListedMachine } from "../shared/tools/machines.ts";
import { agentHealth, getSystemStats } from "../shared/tools/system.ts";
import type { Connected, Hub } from "./hub.ts";
import type { Machine } from "./machine-registry.ts";

const ASK_TIMEOUT_MS = 5_000;

const Stats = v.pick(getSystemStats.output, ["gpu"]);
const Health = v.pick(agentHealth.output, ["jobs", "problems"]);

export type Figures = Pick<ListedMachine, "jobs" | "gpus" | "problems">;

/** null: it did not say. */
export async function machineFigures({ peer }: Connected, callerId: string | undefined): Promise<Figures> {
  const options = { timeoutMs: ASK_TIMEOUT_MS, callerId };
  const ask = (tool: string) => peer.call(tool, {}, options).catch(toToolError);
  const [stats, health] = await Promise.all([ask(getSystemStats.name), ask(agentHealth.name)]);
  const { gpu } = v.is(Stats, stats) ? stats : { gpu: undefined };
  const { jobs, problems } = v.is(Health, health)
    ? health
    : { jobs: null, problems: [health instanceof ToolError ? health.message : "it does not answer"] };
  return {
    jobs,
    problems,
    gpus:
      gpu?.devices.map(({ name, memory_total_mib: total, memory_used_mib: used }) => ({
        name,
        memory_total_mib: total,
        memory_free_mib: total === null || used === null ? null : total - used,
      })) ?? null,
  };
}

export async function listedMachine(
  machine: Machine,
  hub: Hub,
  now: Date,
  callerId: string | undefined,
): Promise<ListedMachine> {
  const { name, agent_version, last_seen_at } = machine;
  const agent = hub.get(name);
  if (!agent)
    return { name, online: false, last_seen_at, agent_version, jobs: null, gpus: null, problems: [] };
  const figures = await machineFigures(agent, callerId);
  return { name, online: true, last_seen_at: now.toISOString(), agent_version, ...figures };
}
