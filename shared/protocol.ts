// The wire between router and agent: every frame, limit and version. Nothing else knows them.
//
// Control frames are text, one JSON object each. The agent speaks first (`hello`); then either side may call the
// other. A call ends with exactly one `result` or `error`, unless the link breaks; `cancel` asks for an early end.
import * as v from "valibot";
import { ToolError } from "./errors.ts";

export const PROTOCOL_VERSION = 1;

/**
 * Longest frame either side accepts, in characters. In standalone mode the largest answer has to pass: a model of 100 MiB
 * as base64 (download_model); an upload's body is smaller.
 */
export const MAX_FRAME_CHARS = 144 * 1024 * 1024;
/** Calls that may be open on one link at a time; more are refused as `overloaded`. */
export const MAX_OPEN_CALLS = 1024;
/** How long a call may take when the caller did not say. Every tool answers within ten seconds; uploads may not. */
export const DEFAULT_TIMEOUT_MS = 60_000;

const Id = v.pipe(v.number(), v.integer(), v.minValue(1));

export const Frame = v.variant("t", [
  /** First frame of the agent: who it is and what it can do. */
  v.object({
    t: v.literal("hello"),
    version: v.number(),
    name: v.string(),
    agent_version: v.string(),
    tools: v.array(v.string()),
  }),
  /** `timeout_ms` counts from receipt: the two clocks need not agree. `progress`: the caller wants to hear of it. */
  v.object({
    t: v.literal("call"),
    id: Id,
    tool: v.string(),
    /** JSON has no undefined: a call without arguments and a result without a value have no such key. */
    input: v.optional(v.unknown()),
    timeout_ms: v.pipe(v.number(), v.minValue(0)),
    progress: v.optional(v.boolean()),
  }),
  v.object({ t: v.literal("result"), id: Id, output: v.optional(v.unknown()) }),
  v.object({
    t: v.literal("error"),
    id: Id,
    error: v.object({
      code: v.string(),
      message: v.string(),
      hint: v.optional(v.string()),
      body: v.optional(v.record(v.string(), v.unknown())),
    }),
  }),
  v.object({
    t: v.literal("progress"),
    id: Id,
    progress: v.number(),
    total: v.optional(v.number()),
    message: v.optional(v.string()),
  }),
  v.object({ t: v.literal("cancel"), id: Id }),
]);

export type Frame = v.InferOutput<typeof Frame>;
export type FrameOf<T extends Frame["t"]> = Extract<Frame, { t: T }>;

/** @throws ToolError too_large: the other side would close the link over such a frame, and every other call with it. */
export function encode(frame: Frame): string {
  const text = JSON.stringify(frame);
  if (text.length <= MAX_FRAME_CHARS) return text;
  throw new ToolError(
    "too_large",
    `More than ${MAX_FRAME_CHARS / 1024 / 1024} MB do not fit into one call or answer`,
    {
      hint: "Ask for less, or copy the files on the machine itself",
    },
  );
}

/** @throws Error when the text is no frame of ours; the link is then closed. */
export function decode(text: string): Frame {
  if (text.length > MAX_FRAME_CHARS) throw new Error(`frame of ${text.length} characters`);
  const parsed = v.safeParse(Frame, JSON.parse(text));
  if (!parsed.success) throw new Error(`not a frame: ${v.summarize(parsed.issues)}`);
  return parsed.output;
}
