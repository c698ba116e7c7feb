// What a tool call costs through a router and a WebSocket to an agent in another process, and whether memory stays flat.
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { rssMib } from "../agent/testing/resident.ts";
import { median, medians, type Result, ratio } from "./measure.ts";
import { post, startProgram, toolsCall } from "./program.ts";
import { headers, NODE, startRouted } from "./routed.ts";

const here = import.meta.dirname;
const CALLS = 10_000;
const GROWTH_MIB_MAX = 48;

type Work = () => Promise<unknown>;

/** Median latency of `count` calls by so many clients at once. */
async function crowd(clients: number, count: number, work: Work): Promise<number> {
  const times: number[] = [];
  const client = async () => {
    for (let n = 0; n < count / clients; n++) {
      const start = performance.now();
      await work();
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return median(times);
}

export async function benchLink(): Promise<Result[]> {
  const echo = await startProgram([resolve(here, "echo.ts")]);
  const routed = await startRouted(NODE);
  const { router, agent } = routed;
  try {
    const message = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "list_configs", arguments: {} },
    };
    const bare = () => post(`${echo.url}/echo`, message);
    const legacy = () => routed.toolCall();
    const modern = () => toolsCall(router.url, "modern", "list_configs", headers);
    const [base = 0, one = 0, two = 0] = await medians([bare, legacy, modern], 2_000, 500);
    const results = [
      ratio("tools/call through router and agent, initialize era, against a Hono JSON echo", one, base, 4),
      ratio("tools/call through router and agent, 2026-07-28, against a Hono JSON echo", two, base, 4),
    ];
    for (const clients of [16, 64]) {
      const floor = await crowd(clients, 4_000, bare);
      const ours = await crowd(clients, 4_000, legacy);
      results.push(ratio(`the same with ${clients} clients at once`, ours, floor, 8));
    }
    const before = [await rssMib(router.pid), await rssMib(agent.pid)];
    await crowd(1, CALLS, legacy);
    const after = [await rssMib(router.pid), await rssMib(agent.pid)];
    const growth = after.map((mib, index) => mib - (before[index] ?? 0));
    return [
      ...results,
      {
        what: `memory after ${CALLS} further calls, router and agent`,
        figure: growth
          .map((mib, index) => `${after[index]?.toFixed(0)} MiB (${mib >= 0 ? "+" : ""}${mib.toFixed(1)})`)
          .join(", "),
        target: `≤ +${GROWTH_MIB_MAX} MiB`,
        ok: growth.every((mib) => mib <= GROWTH_MIB_MAX),
      },
    ];
  } finally {
    await Promise.all([echo.stop(), routed.stop()]);
  }
}
