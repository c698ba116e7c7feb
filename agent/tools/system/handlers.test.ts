import { tmpdir } from "node:os";
import * as v from "valibot";
import { afterAll, expect, test } from "vitest";
import { agentHealth, getSystemStats, listModelPresets } from "../../../shared/tools/system.ts";
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

test("list_model_presets answers in the promised shape, with the old server's note and its five first", async () => {
  const answer = await handlers.list_model_presets({}, context);
  expect(v.parse(listModelPresets.output, answer)).toEqual(answer);
  expect(answer.note).toBe("Use these settings as a starting point for create_training_config");
  expect(answer.presets[0]).toEqual({
    name: "Flux.1-dev",
    model_path: "black-forest-labs/FLUX.1-dev",
    description: "Flux 1.0 Dev - High quality, requires 24GB+ VRAM",
    is_flux: true,
    is_xl: false,
    is_v3: false,
    recommended_resolution: [512, 768, 1024],
    recommended_scheduler: "flowmatch",
    requires_quantize: true,
    min_vram_gb: 24,
    arch: "flux",
    gated: true,
  });
  expect(answer.presets.slice(0, 5).map(({ name }) => name)).toEqual([
    "Flux.1-dev",
    "Flux.1-schnell",
    "Stable Diffusion 1.5",
    "Stable Diffusion XL",
    "Stable Diffusion 3.5 Large",
  ]);
});

test("agent_health answers what it is told", async () => {
  const answer = await handlers.agent_health({}, context);
  expect(v.parse(agentHealth.output, answer)).toEqual(answer);
});
