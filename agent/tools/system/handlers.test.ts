import { tmpdir } from "node:os";
import * as v from "valibot";
import { afterAll, expect, test } from "vitest";
import { agentHealth, getSystemStats } from "../../../shared/tools/system.ts";
import { GpuMonitor } from "./gpu-monitor.ts";
import { systemHandlers } from "./handlers.ts";
import { SystemMonitor } from "./system-monitor.ts";

const stats = new SystemMonitor({
  path: tmpdir(),
  gpu: new GpuMonitor({ command: ["/nonexistent/nvidia-smi"] }),
});
afterAll(() => stats.close());

const context = { signal: new AbortController().signal, progress: () => {} };
const health = {
  trainer: "ai-toolkit",
  toolkit: { found: true, path: "/ai-toolkit", version: "0.12.26" },
  python: { found: true, path: "/ai-toolkit/venv/bin/python" },
  disk: { writable: true, free_bytes: 1 },
  jobs: { running: 0, queued: 0 },
  last_error: null,
  problems: [],
} as const;
const handlers = systemHandlers({ stats, health: async () => ({ ...health, problems: [] }) });

test("get_system_stats answers in the promised shape", async () => {
  const answer = await handlers.get_system_stats({}, context);
  expect(v.parse(getSystemStats.output, answer)).toEqual(answer);
});

test("agent_health answers what it is told", async () => {
  const answer = await handlers.agent_health({}, context);
  expect(v.parse(agentHealth.output, answer)).toEqual(answer);
});
