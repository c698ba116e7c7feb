// Contract of the tool that says how a training would go before it is started.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Bytes, Flag, Name, output, Whole } from "../fields.ts";
import { GpuChoice } from "./queue.ts";

const Will = v.object({
  output_folder: v.nullable(v.string()),
  /** null: it begins at step 0, or nobody can say. */
  resumes_from_step: v.nullable(Whole),
  steps: v.nullable(Whole),
  trainer: v.nullable(v.picklist(["ai-toolkit", "rehearsal"])),
  /** Index of the GPU on which it would start at once; null: it would wait, or there is none. */
  gpu: v.nullable(Whole),
  checkpoint_bytes_each: v.nullable(Bytes),
  /** How that is known, or why not. */
  checkpoint_bytes_source: v.nullable(v.string()),
  /** At the end, the final one included. */
  checkpoints_kept: v.nullable(Whole),
  disk_needed_bytes: v.nullable(Bytes),
  disk_free_bytes: v.nullable(Bytes),
  vram_needed_gb: v.nullable(v.number()),
  vram_free_gb: v.nullable(v.number()),
});

const Checked = v.object({
  check: v.string(),
  level: v.picklist(["ok", "warning", "error"]),
  message: v.string(),
  fix: v.nullable(v.string()),
  /** A warning that start_training passes over with force: true only. */
  blocks: v.optional(v.literal(true)),
});

export const preflight = defineTool({
  name: "preflight",
  title: "Check before training",
  description:
    "All that start_training checks, without starting: config, data set, base model, GPU, disk forecast, earlier checkpoints. Each finding has a fix; `will` says what the run would do and from which step it would resume.",
  scope: "read",
  effect: "read",
  input: v.object({
    config_name: Name("Configuration name"),
    resume: v.optional(Flag("As start_training with resume: true"), false),
    gpu: v.optional(GpuChoice, "auto"),
  }),
  output: v.object({
    ...output({}).entries,
    config: v.string(),
    /** start_training would take it as it is. */
    ready: v.boolean(),
    will: Will,
    /** What is wrong first. */
    checks: v.array(Checked),
    errors: v.array(v.string()),
    warnings: v.array(v.string()),
  }),
});

export const preflightTools = [preflight] as const;
