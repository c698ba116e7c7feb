// Contract of the tool that checks a data set before it is trained on.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Count, Name, output, Path, Text, Whole } from "../fields.ts";
import { DatasetKind } from "./datasets.ts";

const Resolution = Count("", 64, 8192);

export const checkDataset = defineTool({
  name: "check_dataset",
  title: "Check a dataset",
  description:
    "Check a dataset before training: captions, broken, small or duplicate images, control images and masks, stale caches, and the bucket sizes the trainer will make. A large one is checked further after the answer: complete says whether all is checked, and calling again what has been found by then.",
  scope: "read",
  effect: "read",
  input: v.object({
    name: Name("Dataset name"),
    arch: v.optional(
      Text("Model architecture as in list_model_presets; decides sizes and kinds of files", 100),
    ),
    resolution: v.optional(
      v.pipe(
        v.union([Resolution, v.pipe(v.array(Resolution), v.minLength(1), v.maxLength(16))]),
        v.description("Training resolution or list of them; default the model's"),
      ),
    ),
    batch_size: v.optional(Count("For the repeats in buckets", 1, 1024), 1),
    trigger_word: v.optional(Text("Trigger word of the config", 200)),
    control: v.optional(
      v.pipe(
        v.union([Path(""), v.pipe(v.array(Path("")), v.maxLength(3))]),
        v.description("Folder of control images (dataset name or path), or up to three"),
      ),
    ),
    mask: v.optional(Path("Folder of masks")),
    limit: v.optional(Count("Examples a finding", 1, 50), 5),
  }),
  output: output({
    name: v.string(),
    kind: DatasetKind,
    /** null: nothing found so far, but not all is checked. */
    verdict: v.nullable(v.picklist(["ready", "needs_attention"])),
    complete: v.boolean(),
    /** Of them those looked at to their end, now or before. */
    checked: Whole,
    /** Of them those whose size in pixels is known, mostly from their first bytes: the buckets are theirs. */
    measured: Whole,
    /** Files to be trained, and control images and masks. */
    total: Whole,
    image_count: Whole,
    video_count: Whole,
    audio_count: Whole,
    caption_count: Whole,
    /** The worst first. */
    findings: v.array(
      v.object({
        finding: v.string(),
        severity: v.picklist(["error", "warning", "info"]),
        count: Whole,
        examples: v.array(v.string()),
        meaning: v.string(),
      }),
    ),
    /** Sides of buckets are multiples of this. */
    divisibility: Whole,
    /** Of the files measured so far, for each resolution; the fullest first. */
    buckets: v.array(
      v.object({
        resolution: Whole,
        bucket_count: Whole,
        buckets: v.array(
          v.object({
            /** Batches are of one kind. */
            kind: v.picklist(["image", "video"]),
            width: Whole,
            height: Whole,
            count: Whole,
            /** Items taken twice an epoch to fill the last batch. */
            repeats: Whole,
          }),
        ),
        /** Files with fewer pixels than this resolution: they are not enlarged. */
        smaller: Whole,
      }),
    ),
    next: v.nullable(v.string()),
  }),
});
