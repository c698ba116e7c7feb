// The wire between router and agent: every frame, limit, version and close code. Nothing else knows them.
//
// Frames are text, one JSON object each. The agent speaks first (`hello`), the router answers with `welcome` or closes;
// then either side may call the other. A call ends with exactly one `result` or `error`, unless the link breaks; `cancel`
// asks for an early end. The agent pings, the router pongs: three pings without an answer, or three that never came, and
// the other is gone. Text of `ping` and `pong` never varies, so that a sleeping Worker's runtime can answer for it.
//
// Bytes of files never travel on that socket. For an HTTP request about a file the router makes the call `file_request`
// with an id that nobody can guess; the agent dials one more socket, /agent/transfer/<id>, which carries this one exchange
// and ends with it: binary frames are the body of the request one way and of the answer the other, text frames are
// TransferFrames. Neither end sends more than the window (`window` of the request, else TRANSFER.windowBytes)
// beyond what the other has given credit for.
import * as v from "valibot";
import { ToolError } from "./errors.ts";

/**
 * The versions this program speaks. A new frame or field is a new version; an old one never changes its meaning. What is
 * newer than the version that both have agreed on is not sent.
 *   1  the beginning
 *   2  `call` has `request`; the call `file_request`, and the socket of a transfer
 *   3  `file_request` has `window`
 */
export const VERSIONS = { min: 1, max: 3 } as const;

const KIB = 1024;
const MIB = 1024 * KIB;

/** Longest frame over a network: what a Worker accepts in one WebSocket message. */
export const FRAME_BYTES_MAX = 32 * MIB;
/** Within one process the largest answer has to pass: a model of 100 MiB as base64 (download_model). */
export const FRAME_BYTES_MAX_IN_PROCESS = 144 * MIB;
/** Calls that may be open on one link at a time, each way; more are refused as `overloaded`. */
export const OPEN_CALLS_MAX = 1024;
/** What the open calls of one link may hold together, each way, and what may wait to be sent; more is refused likewise. */
export const OUTSTANDING_BYTES_MAX = 128 * MIB;
/** Of both for one caller, so that none keeps out the others. Its last call may be as long as a body may be (64 MiB). */
export const CALLER_MAX = { calls: 128, bytes: 48 * MIB } as const;
/** Beyond this no short frame is added that the other end can ask for at no cost. Each takes more memory than its bytes. */
export const UNREAD_BYTES_MAX = 16 * MIB;
/** How long a call may take when the caller did not say. Every tool answers within ten seconds; uploads may not. */
export const DEFAULT_TIMEOUT_MS = 60_000;
/** How often the agent pings. Proxies cut what is silent for a minute, some for 30 s. */
export const HEARTBEAT_MS = 15_000;
/** This many heartbeats without a sign: the other end is gone. */
export const HEARTBEATS_MISSED = 3;
/** The first frame has to come within this time. */
export const GREETING_MS = 10_000;

/** The socket of one transfer. */
export const TRANSFER = {
  /**
   * Bytes in one binary frame. Each leaves 2 KB to workerd's garbage collector: with half as many in one, 2 GiB made it grow
   * by 15 MiB more. Larger ones gain nothing, and on a slow line one has to come within the patience of the other end.
   */
  chunkBytes: 512 * KIB,
  /** The longest that is taken. */
  frameBytesMax: MIB,
  /**
   * What may be under way or waiting in memory, each way, unless the router says less. At 50 ms there and back this carries
   * 100 MB/s.
   */
  windowBytes: 8 * MIB,
  /** Of one machine, and of them for one caller. More wait for their turn. */
  atOnce: 8,
  ofCallerAtOnce: 4,
  /** No frame for so long, although one is due: the other end, or whoever stands behind it, is gone. */
  idleMs: 120_000,
  /** How long the agent may take to dial. */
  dialMs: 15_000,
} as const;

/** Why a link is closed: WebSocket close codes. */
export const CLOSE = {
  normal: 1000,
  /** The router restarts, or the agent ends. */
  going_away: 1001,
  /** A frame that is none, or not now. */
  protocol_error: 4400,
  /** The credential has been revoked, or is not for the machine whose id was said. */
  unauthorized: 4401,
  /** No version of the protocol that both speak. */
  version: 4406,
  /** No frame for too long. */
  silent: 4408,
  /** Another agent of this name has come. */
  replaced: 4409,
  /** `if_free` was asked and the name is taken. */
  name_taken: 4410,
  /** More agents than the router takes. */
  overloaded: 4429,
} as const;

/** Trying again would change nothing: somebody has to mend something first. */
export function isPermanent(code: number): boolean {
  return code === CLOSE.unauthorized || code === CLOSE.version;
}

const Id = v.pipe(v.number(), v.integer(), v.minValue(1));
const Word = v.pipe(v.string(), v.maxLength(200));

/** What the sender of this takes. */
const Limits = v.object({
  frame_bytes: v.pipe(v.number(), v.minValue(1_000)),
  open_calls: v.pipe(v.number(), v.minValue(1)),
});

/** What an agent says of itself. This is for ever: any version can be told from it. */
export const HelloShape = v.object({
  versions: v.object({ min: v.number(), max: v.number() }),
  /** Under which clients know it; the router's credential for it may name another. */
  name: Word,
  /** Of its state folder: stays when the name changes. */
  machine_id: Word,
  /** Of its process: tells a link that came back from a second agent. */
  instance: Word,
  agent_version: Word,
  tools: v.pipe(v.array(Word), v.maxLength(1_000)),
  limits: Limits,
  /** How often it pings; absent within one process, where nothing can fall silent. */
  heartbeat_ms: v.optional(v.pipe(v.number(), v.minValue(50), v.maxValue(600_000))),
  /** Take me only if nobody else has the name. */
  if_free: v.optional(v.boolean()),
});

export const Frame = v.variant("t", [
  /** First frame of the agent: who it is and what it can do. */
  v.object({ t: v.literal("hello"), ...HelloShape.entries }),
  /** The router's answer. Only now the agent is connected. */
  v.object({
    t: v.literal("welcome"),
    version: v.number(),
    name: Word,
    router_version: Word,
    limits: Limits,
  }),
  /** `timeout_ms` counts from receipt: the two clocks need not agree. `progress`: the caller wants to hear of it. */
  v.object({
    t: v.literal("call"),
    id: Id,
    tool: Word,
    /** JSON has no undefined: a call without arguments and a result without a value have no such key. */
    input: v.optional(v.unknown()),
    timeout_ms: v.number(),
    progress: v.optional(v.boolean()),
    /** The same key is never run twice: a repeated call gets the first one's answer. */
    key: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(500))),
    /** Since version 2. For the logs of both ends, to find each other's lines, and for what is shared out; it permits nothing. */
    request: v.optional(v.object({ id: Word, caller: Word })),
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
  v.object({ t: v.literal("ping") }),
  v.object({ t: v.literal("pong") }),
  /** The sender is about to leave: no more calls; those under way are still answered. */
  v.object({ t: v.literal("go_away"), reason: v.string() }),
]);

export type Frame = v.InferOutput<typeof Frame>;

export const TransferFrame = v.variant("t", [
  /** The agent's answer begins. */
  v.object({
    t: v.literal("head"),
    status: v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)),
    headers: v.pipe(v.array(v.tuple([Word, v.pipe(v.string(), v.maxLength(8_000))])), v.maxLength(50)),
  }),
  /** The sender has passed on so many bytes, and takes as many more. A frame counts as 1 KiB at least. */
  v.object({ t: v.literal("credit"), bytes: v.pipe(v.number(), v.integer(), v.minValue(1)) }),
  /** All bytes have been sent. Without it, a socket that closes is a transfer that broke. */
  v.object({ t: v.literal("end") }),
  /** The sender is at work (unpacking, say) and will have something to send. */
  v.object({ t: v.literal("wait") }),
  /** The sender gives up; what was sent is not the whole. */
  v.object({ t: v.literal("abort"), reason: v.pipe(v.string(), v.maxLength(500)) }),
]);
export type TransferFrame = v.InferOutput<typeof TransferFrame>;
export type TransferHead = Omit<Extract<TransferFrame, { t: "head" }>, "t">;

/** @throws Error when the text is no frame of a transfer */
export function decodeTransfer(text: string): TransferFrame {
  const parsed = v.safeParse(TransferFrame, JSON.parse(text));
  if (!parsed.success) throw new Error(`not a frame: ${v.summarize(parsed.issues)}`);
  return parsed.output;
}
export type FrameOf<T extends Frame["t"]> = Extract<Frame, { t: T }>;
export type Hello = Omit<FrameOf<"hello">, "t">;
export type Welcome = Omit<FrameOf<"welcome">, "t">;
export type Limits = v.InferOutput<typeof Limits>;

/** Whether a frame of this version may carry what `call` has had since 2. */
export const carriesRequest = (version: number) => version >= 2;

/** Whether an agent of this version can be asked for files. */
export const carriesFiles = (version: number) => version >= 2;

/** Whether an agent of this version can be told how much may be under way. */
export const carriesWindow = (version: number) => version >= 3;

/** "1 to 2" */
export const rangeInWords = ({ min, max }: Hello["versions"]) => `${min} to ${max}`;

/** The newest version that both speak, or undefined. */
export function commonVersion(
  theirs: Hello["versions"],
  ours: Hello["versions"] = VERSIONS,
): number | undefined {
  const version = Math.min(theirs.max, ours.max);
  return version >= theirs.min && version >= ours.min ? version : undefined;
}

/** Length in UTF-8, counted without a copy. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate pair is two units and four bytes.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

function isLonger(text: string, bytes: number): boolean {
  return text.length > bytes || (text.length > bytes / 3 && utf8Bytes(text) > bytes);
}

/** @throws ToolError too_large: the other side would close the link over such a frame, and every other call with it. */
export function encode(frame: Frame, maxBytes: number): string {
  const text = JSON.stringify(frame);
  if (!isLonger(text, maxBytes)) return text;
  throw new ToolError(
    "too_large",
    `More than ${Math.floor(maxBytes / MIB)} MB do not fit into one call or answer`,
    {
      hint: "Ask for less, or copy the files on the machine itself",
    },
  );
}

/** @throws Error when the text is no frame of ours; the link is then closed. */
export function decode(text: string, maxBytes: number): Frame {
  if (text.length > maxBytes) throw new Error(`frame of ${text.length} characters`);
  const parsed = v.safeParse(Frame, JSON.parse(text));
  if (!parsed.success) throw new Error(`not a frame: ${v.summarize(parsed.issues)}`);
  return parsed.output;
}
