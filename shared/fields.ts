// The words that contracts are made of.
import * as v from "valibot";

/** No name is longer than a file name may be on Linux, with room for an extension and a step number. */
const NAME_MAX = 200;
const PATH_MAX = 4096;

/**
 * Marks an optional input of the old server. It took a value of the wrong JSON type as absent and went on with the
 * default; its callers may rely on that, so we do the same but say so in `warnings` (see arguments.ts).
 */
export function lenient<S extends v.GenericSchema>(schema: S) {
  return v.pipe(schema, v.metadata({ lenient: true }));
}

/** A name of a config, data set or model as clients send it. What it may contain is the sandbox's business. */
export const Name = (text: string) => v.pipe(v.string(), v.maxLength(NAME_MAX), v.description(text));
export const Path = (text: string) => v.pipe(v.string(), v.maxLength(PATH_MAX), v.description(text));
export const Text = (text: string, max = 20_000) => v.pipe(v.string(), v.maxLength(max), v.description(text));
export const Flag = (text: string) => v.pipe(v.boolean(), v.description(text));
export const Count = (text: string, min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max), v.description(text));
export const Real = (text: string, min: number, max: number) =>
  v.pipe(v.number(), v.minValue(min), v.maxValue(max), v.description(text));
export const OneOf = <const T extends readonly [string, ...string[]]>(options: T, text: string) =>
  v.pipe(v.picklist(options), v.description(text));

export const JobId = v.pipe(v.string(), v.minLength(1), v.maxLength(100), v.description("Training job ID"));

/** What a list answers at most, in one page. */
export const PAGE_MAX = 1_000;
/** Inputs of tools whose lists may be long. */
export const PAGE_INPUT = {
  limit: v.optional(Count(`How many at most; default ${PAGE_MAX}`, 1, PAGE_MAX)),
  cursor: v.optional(
    v.pipe(v.string(), v.maxLength(PATH_MAX), v.description("next_cursor of the page before")),
  ),
} as const;

// --- outputs -------------------------------------------------------------------------------------------------
export const Bytes = v.pipe(v.number(), v.integer(), v.minValue(0));
export const Whole = v.pipe(v.number(), v.integer(), v.minValue(0));
/** ISO 8601 in UTC, or null while it has not happened. */
export const Time = v.pipe(v.string(), v.isoTimestamp());
export const Success = v.literal("success");
export const Json = v.record(v.string(), v.unknown());

/** Output keys that any tool may add: arguments it did not understand, and whose word the answer is. */
export const COMMON_OUTPUT = {
  warnings: v.optional(v.array(v.string())),
  /** Present, as "rehearsal", when no real training happens on this machine (`--trainer rehearsal`). */
  trainer: v.optional(v.nullable(v.picklist(["ai-toolkit", "rehearsal"]))),
} as const;

/** What such a tool adds when there is more. */
export const PAGE_OUTPUT = { next_cursor: v.optional(v.string()), total: v.optional(Whole) } as const;

export function output<const E extends v.ObjectEntries>(entries: E) {
  return v.object({ ...COMMON_OUTPUT, ...entries });
}

/**
 * The output of tools that answer with pictures. Several clients drop `content` when there is structured content
 * beside it, so these have no output schema, and what belongs to a picture is said in a text block.
 */
export const Blocks = v.object({
  content: v.array(
    v.variant("type", [
      v.object({ type: v.literal("text"), text: v.string() }),
      v.object({ type: v.literal("image"), data: v.string(), mimeType: v.string() }),
    ]),
  ),
});
export type Block = v.InferOutput<typeof Blocks>["content"][number];
