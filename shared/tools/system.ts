// Contracts of the tools that look at the machine and at what can be trained.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Bytes, OneOf, output, Real, Time, Whole } from "../fields.ts";
import { PRESET_KINDS } from "../presets.ts";

/** Why a GPU runs slower than it could. At its power limit is where a training belongs; the others are trouble. */
export const THROTTLING = ["power_cap", "thermal", "power_brake", "hardware"] as const;
export type Throttling = (typeof THROTTLING)[number];

const Gpu = v.object({
  index: Whole,
  uuid: v.string(),
  name: v.string(),
  /** Percent; null where the driver says [N/A]. */
  utilization_percent: v.nullable(v.number()),
  memory_used_mib: v.nullable(v.number()),
  memory_total_mib: v.nullable(v.number()),
  temperature_c: v.nullable(v.number()),
  power_w: v.nullable(v.number()),
  power_limit_w: v.nullable(v.number()),
  /** What has slowed it for the last ten seconds; null where the driver does not tell, or has not yet. */
  throttling: v.nullable(v.array(v.picklist(THROTTLING))),
});
export type Gpu = v.InferOutput<typeof Gpu>;

export const getSystemStats = defineTool({
  name: "get_system_stats",
  title: "System statistics",
  description: "Get system statistics including CPU, memory, disk usage and every NVIDIA GPU.",
  scope: "read",
  effect: "read",
  input: v.object({}),
  output: output({
    cpu_percent: v.number(),
    memory_percent: v.number(),
    /** Of the file system that holds the training output. */
    disk_usage_percent: v.number(),
    gpu: v.object({
      cuda_available: v.boolean(),
      devices: v.array(Gpu),
      /** Why there are no devices, or null. */
      note: v.nullable(v.string()),
    }),
    cpu: v.object({ cores: Whole, load_1m: v.number() }),
    memory: v.object({ total_bytes: Bytes, available_bytes: Bytes }),
    disk: v.object({ path: v.string(), total_bytes: Bytes, free_bytes: Bytes }),
    sampled_at: Time,
  }),
});

const Preset = v.object({
  name: v.string(),
  model_path: v.string(),
  description: v.string(),
  is_flux: v.boolean(),
  is_xl: v.boolean(),
  is_v3: v.boolean(),
  recommended_resolution: v.array(Whole),
  recommended_scheduler: v.string(),
  requires_quantize: v.boolean(),
  /** GB; null where nobody has said a figure. */
  min_vram_gb: v.nullable(v.number()),
  /** Who has said it. */
  vram_source: v.nullable(v.string()),
  arch: v.string(),
  gated: v.boolean(),
  kind: v.picklist(PRESET_KINDS),
  /** How many folders of control images a data set may have; a preset of kind edit needs one. */
  control_folders: Whole,
});

export const listModelPresets = defineTool({
  name: "list_model_presets",
  title: "List model presets",
  description:
    "List available model presets with recommended settings for each model type. create_training_config takes a preset's name.",
  scope: "read",
  effect: "read",
  input: v.object({
    kind: v.optional(OneOf(PRESET_KINDS, "Only models for this")),
    max_vram_gb: v.optional(Real("Only models known to fit into this much VRAM", 1, 10_000)),
  }),
  output: output({
    note: v.string(),
    presets: v.array(Preset),
    /** With max_vram_gb: models left out because nobody has said how much they need. */
    unknown_vram: v.optional(v.array(v.string())),
  }),
});

/** Asked by the router for /health; not a tool that clients see. */
export const agentHealth = defineTool({
  name: "agent_health",
  title: "Agent health",
  description: "What the agent can do right now.",
  scope: "read",
  effect: "read",
  input: v.object({}),
  output: v.object({
    trainer: v.nullable(v.picklist(["ai-toolkit", "rehearsal"])),
    toolkit: v.object({ found: v.boolean(), path: v.string(), version: v.nullable(v.string()) }),
    python: v.object({ found: v.boolean(), path: v.nullable(v.string()) }),
    disk: v.object({ writable: v.boolean(), free_bytes: v.nullable(Bytes) }),
    jobs: v.object({ running: Whole, queued: Whole }),
    last_error: v.nullable(v.string()),
    problems: v.array(v.string()),
  }),
});

/** Those that an agent has a handler for. */
export const systemTools = [getSystemStats, agentHealth] as const;
