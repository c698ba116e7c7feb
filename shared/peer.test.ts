import { expect, test, vi } from "vitest";
import { ToolError } from "./errors.ts";
import { type Link, linkPair } from "./link.ts";
import { Peer } from "./peer.ts";
import {
  CALLER_MAX,
  CLOSE,
  FRAME_BYTES_MAX_IN_PROCESS,
  type Hello,
  OPEN_CALLS_MAX,
  OUTSTANDING_BYTES_MAX,
  UNREAD_BYTES_MAX,
  VERSIONS,
} from "./protocol.ts";
import type { Serve } from "./served-calls.ts";

vi.setConfig({ testTimeout: 30_000 }); // hundreds of megabytes are made and parsed here, perhaps on a busy machine

function pair(
  serve: Serve,
  onBug?: (thrown: unknown) => void,
): { caller: Peer; server: Peer; links: [Link, Link] } {
  const links = linkPair();
  return { caller: new Peer(links[0]), server: new Peer(links[1], { serve, onBug }), links };
}

const never: Serve = (_tool, _input, { signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));

test("a call reaches the other end and its result comes back", async () => {
  const { caller } = pair(async (tool, input) => ({ tool, input }));
  await expect(caller.call("get_config", { name: "a" })).resolves.toEqual({
    tool: "get_config",
    input: { name: "a" },
  });
});

test("calls that overlap get their own answers", async () => {
  const { caller } = pair(async (_tool, input) => {
    if (input === 1) await Promise.resolve();
    return input;
  });
  await expect(Promise.all([caller.call("t", 1), caller.call("t", 2), caller.call("t", 3)])).resolves.toEqual(
    [1, 2, 3],
  );
});

test("an error arrives with code, message, hint and the old body", async () => {
  const error = new ToolError("conflict", "busy", { hint: "wait", body: { error: "busy" } });
  const { caller } = pair(async () => Promise.reject(error));
  await expect(caller.call("t", {})).rejects.toMatchObject({
    code: "conflict",
    message: "busy",
    hint: "wait",
    body: { error: "busy" },
  });
});

test("a bug arrives as internal without its details, which go to the log", async () => {
  const onBug = vi.fn();
  const { caller } = pair(async () => Promise.reject(new TypeError("/secret/path is undefined")), onBug);
  const failed = await caller.call("t", {}).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: "internal" });
  expect(String(failed)).not.toContain("secret");
  expect(onBug).toHaveBeenCalledOnce();
});

test("an answer after the deadline is a timeout, and the other end is told to give up", async () => {
  const aborted = vi.fn();
  const { caller } = pair((_tool, _input, { signal }) => {
    signal.addEventListener("abort", aborted);
    return new Promise(() => {});
  });
  await expect(caller.call("slow", {}, { timeoutMs: 5 })).rejects.toMatchObject({ code: "timeout" });
  await vi.waitFor(() => expect(aborted).toHaveBeenCalled(), 20_000);
});

test("cancelling a call aborts the work at the other end", async () => {
  const { caller } = pair(never);
  const controller = new AbortController();
  const call = caller.call("t", {}, { signal: controller.signal });
  controller.abort();
  await expect(call).rejects.toMatchObject({ code: "cancelled" });
});

test("a call whose caller has already left is never sent", async () => {
  const serve = vi.fn(async () => ({}));
  const { caller } = pair(serve);
  await expect(caller.call("t", {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "cancelled",
  });
  await expect(caller.call("t", {})).resolves.toEqual({});
  expect(serve).toHaveBeenCalledOnce();
});

test("progress reaches only a caller that asked for it", async () => {
  const { caller } = pair(async (_tool, _input, { progress }) => {
    progress({ progress: 1, total: 2, message: "half" });
    return {};
  });
  const onProgress = vi.fn();
  await caller.call("t", {}, { onProgress });
  await caller.call("t", {});
  expect(onProgress).toHaveBeenCalledOnce();
  expect(onProgress.mock.calls[0]?.[0]).toMatchObject({ progress: 1, total: 2, message: "half" });
});

test("a broken link fails open calls at once, and later ones too", async () => {
  const { caller, links } = pair(never);
  const call = caller.call("t", {});
  links[1].close(CLOSE.going_away, "power cut");
  await expect(call).rejects.toMatchObject({
    code: "agent_offline",
    message: expect.stringContaining("power cut"),
  });
  await expect(caller.call("t", {})).rejects.toMatchObject({ code: "agent_offline" });
});

test("more open calls than the limit are refused, not queued", async () => {
  const { caller, links } = pair(never);
  const open = Array.from({ length: OPEN_CALLS_MAX }, () =>
    caller.call("t", {}).catch((error: ToolError) => error.code),
  );
  await expect(caller.call("t", {})).rejects.toMatchObject({ code: "overloaded" });
  links[0].close();
  expect(new Set(await Promise.all(open))).toEqual(new Set(["agent_offline"]));
});

test.each(["not json", "{}", '{"t":"call","id":"x"}', '{"t":"nonsense","id":1}'])(
  "a frame that is none (%s) ends the link",
  async (text) => {
    const [ours, theirs] = linkPair();
    new Peer(theirs);
    const closed = new Promise((resolve) => ours.onClose(resolve));
    ours.send(text);
    await expect(closed).resolves.toMatchObject({
      code: CLOSE.protocol_error,
      reason: expect.stringContaining("protocol error"),
    });
  },
);

const HELLO: Hello = {
  versions: VERSIONS,
  name: "box",
  machine_id: "m",
  instance: "i",
  agent_version: "1",
  tools: ["x"],
  limits: { frame_bytes: 1_000, open_calls: 2 },
  heartbeat_ms: 1_000,
};

test("hello is handed to the one who waits for it, and welcome to the other", async () => {
  const [a, b] = linkPair();
  const hello = Promise.withResolvers<Hello>();
  const welcome = vi.fn();
  const router = new Peer(a, { onHello: hello.resolve });
  new Peer(b, { onWelcome: welcome }).hello(HELLO);
  await expect(hello.promise).resolves.toMatchObject({ name: "box", versions: VERSIONS });
  router.welcome({ version: 1, name: "box", router_version: "1", limits: router.limits });
  await vi.waitFor(() => expect(welcome).toHaveBeenCalledOnce(), 20_000);
});

test.each([
  [1, undefined],
  [2, { id: "r1", caller: "phone" }],
])("to an end of version %i a call brings %j to tell whose it is", async (version, request) => {
  const [a, b] = linkPair();
  const greeted = Promise.withResolvers<Hello>();
  const router = new Peer(a, { onHello: greeted.resolve });
  const frames: string[] = [];
  b.onMessage((text) => frames.push(text));
  new Peer(b, {
    serve: async (_tool, _input, context) => ({ request: context.request }),
    onWelcome: () => {},
  }).hello({ ...HELLO, limits: router.limits });
  await greeted.promise;
  router.welcome({ version, name: "box", router_version: "1", limits: router.limits });
  const call = router.call("x", {}, { request: { id: "r1", caller: "phone" } });
  await expect(call).resolves.toEqual({ request });
  // Not on the wire either: what an old end does with what it does not know is its own affair.
  expect(frames.filter((text) => text.includes('"request"'))).toHaveLength(request ? 1 : 0);
});

test("a welcome of a version that this end does not speak ends the link, and says who is older", async () => {
  const [a, b] = linkPair();
  const onWelcome = vi.fn();
  new Peer(b, { onWelcome });
  const closed = new Promise((resolve) => a.onClose(resolve));
  const version = VERSIONS.max + 1;
  new Peer(a).welcome({ version, name: "box", router_version: "9", limits: HELLO.limits });
  await expect(closed).resolves.toMatchObject({
    code: CLOSE.version,
    reason: `the router speaks protocol ${version}, this agent ${VERSIONS.min} to ${VERSIONS.max}; update the older one`,
  });
  expect(onWelcome).not.toHaveBeenCalled();
});

test.each([
  ["a call before hello", ['{"t":"call","id":1,"tool":"x","timeout_ms":1}']],
  ["a second hello", [JSON.stringify({ t: "hello", ...HELLO }), JSON.stringify({ t: "hello", ...HELLO })]],
  ["a welcome for a router", ['{"t":"welcome","version":1,"name":"x","router_version":"1"}']],
])("%s ends the link", async (_what, texts) => {
  const [ours, theirs] = linkPair();
  new Peer(theirs, { onHello: () => {} });
  const closed = new Promise((resolve) => ours.onClose(resolve));
  for (const text of texts) ours.send(text);
  await expect(closed).resolves.toMatchObject({ code: CLOSE.protocol_error });
});

test("what the other end said it takes is kept to", async () => {
  const [a, b] = linkPair();
  const greeted = Promise.withResolvers<Hello>();
  const router = new Peer(a, { onHello: greeted.resolve });
  new Peer(b, { serve: never }).hello(HELLO);
  await greeted.promise;
  await expect(router.call("t", "x".repeat(2_000))).rejects.toMatchObject({ code: "too_large" });
  const open = [1, 2].map(() => router.call("t", {}).catch((error: ToolError) => error.code));
  await expect(router.call("t", {})).rejects.toMatchObject({ code: "overloaded" });
  a.close();
  expect(await Promise.all(open)).toEqual(["agent_offline", "agent_offline"]);
});

test("what does not survive JSON does not survive the in-memory link either", async () => {
  const { caller } = pair(async (_tool, input) => input);
  await expect(caller.call("t", { at: new Date(0), none: undefined })).resolves.toEqual({
    at: "1970-01-01T00:00:00.000Z",
  });
});

test("what is too large for a frame fails alone; the link and the other calls live on", async () => {
  const huge = "x".repeat(FRAME_BYTES_MAX_IN_PROCESS);
  const { caller } = pair(async (tool) => (tool === "huge" ? { huge } : { small: true }));
  await expect(caller.call("t", { huge })).rejects.toMatchObject({ code: "too_large" });
  await expect(caller.call("huge", {})).rejects.toMatchObject({ code: "too_large" });
  await expect(caller.call("t", {})).resolves.toEqual({ small: true });
});

test("a call without arguments and a result without a value are fine, too", async () => {
  const { caller } = pair(async (_tool, input) => input);
  await expect(caller.call("t", undefined)).resolves.toBeUndefined();
  await expect(caller.call("t", 1)).resolves.toBe(1);
});

/** A link whose other end is this test; what is sent piles up as on a line that nobody reads. */
function openEnd(options: { waitingBytes?: number } = {}) {
  const sent: { t: string; id?: number; error?: { code: string } }[] = [];
  const receive: ((text: string) => void)[] = [];
  const link: Link = {
    frameBytesMax: 1_000_000,
    get waitingBytes() {
      return options.waitingBytes ?? 0;
    },
    send: (text) => void sent.push(JSON.parse(text)),
    close: vi.fn(),
    onMessage: (listener) => void receive.push(listener),
    onClose: () => {},
  };
  const receiveFrame = (frame: object) => {
    for (const listener of receive) listener(JSON.stringify(frame));
  };
  return { link, sent, receive: receiveFrame };
}

test("an end that does not read gets no more calls, and of answers only that they were too much", async () => {
  const line = { waitingBytes: 0 };
  const { link, sent, receive } = openEnd(line);
  const peer = new Peer(link, {
    serve: async (_tool, _input, { progress }) => {
      progress({ progress: 1 });
      return "x".repeat(1_000);
    },
  });
  line.waitingBytes = OUTSTANDING_BYTES_MAX + 1;
  await expect(peer.call("t", {})).rejects.toMatchObject({ code: "overloaded" });
  receive({ t: "call", id: 1, tool: "t", timeout_ms: 1_000, progress: true });
  await vi.waitFor(
    () => expect(sent).toMatchObject([{ t: "error", id: 1, error: { code: "overloaded" } }]),
    20_000,
  );
});

test("an end that asks on and on and does not read is answered so much and no more", () => {
  const line = { waitingBytes: UNREAD_BYTES_MAX };
  const { link, sent, receive } = openEnd(line);
  new Peer(link);
  receive({ t: "ping" });
  receive({ t: "call", id: 1, tool: "t", timeout_ms: 1_000 });
  expect(sent).toMatchObject([{ t: "pong" }, { t: "error", id: 1, error: { code: "forbidden" } }]);
  line.waitingBytes += 1;
  receive({ t: "ping" });
  expect(link.close).not.toHaveBeenCalled();
  receive({ t: "call", id: 2, tool: "t", timeout_ms: 1_000 });
  expect(sent).toHaveLength(2);
  expect(link.close).toHaveBeenCalledWith(CLOSE.overloaded, expect.stringContaining("does not read"));
});

test("open calls may hold only so many bytes together, whoever made them", async () => {
  const { link, sent, receive } = openEnd();
  const peer = new Peer(link, { serve: never });
  const big = "x".repeat(900_000);
  const most = Math.ceil(OUTSTANDING_BYTES_MAX / 900_000);
  for (let n = 0; n < most; n++) peer.call("t", big).catch(() => {});
  await expect(peer.call("t", {})).rejects.toMatchObject({ code: "overloaded" });
  sent.length = 0;
  for (let id = 1; id <= most; id++) receive({ t: "call", id, tool: "t", input: big, timeout_ms: 60_000 });
  receive({ t: "call", id: 9_000, tool: "t", timeout_ms: 60_000 });
  expect(sent).toMatchObject([{ t: "error", id: 9_000, error: { code: "overloaded" } }]);
});

test("a caller's calls count until the other end has answered them, also those that were given up", async () => {
  const { link, sent, receive } = openEnd();
  const peer = new Peer(link);
  const leaving = new AbortController();
  const lastId = () => sent.findLast(({ t }) => t === "call")?.id;
  const { signal } = leaving;
  const begin = (callerId: string) => peer.call("t", {}, { callerId, signal });
  const open = Array.from({ length: CALLER_MAX.calls }, () => begin("a").catch(({ code }) => code));
  await expect(begin("a")).rejects.toMatchObject({ code: "overloaded", hint: expect.any(String) });
  const others = begin("b");
  receive({ t: "result", id: lastId(), output: "served" });
  await expect(others).resolves.toBe("served");
  leaving.abort();
  expect(new Set(await Promise.all(open))).toEqual(new Set(["cancelled"]));
  const again = () => peer.call("t", {}, { callerId: "a" });
  await expect(again()).rejects.toMatchObject({ code: "overloaded" });
  for (const message of ["given up", "said twice"])
    receive({ t: "error", id: sent[0]?.id, error: { code: "cancelled", message } });
  const next = again();
  await expect(again()).rejects.toMatchObject({ code: "overloaded" });
  receive({ t: "result", id: lastId(), output: "the next" });
  await expect(next).resolves.toBe("the next");
});

test("a late answer to a call from before this end slept is no answer to one that was made since", async () => {
  const { link, sent, receive } = openEnd();
  new Peer(link).call("t", {}).catch(() => {});
  const woken = new Peer(link).call("t", {}).catch((error: unknown) => error);
  receive({ t: "result", id: sent[0]?.id, output: "of another" });
  receive({ t: "result", id: sent[1]?.id, output: "its own" });
  await expect(woken).resolves.toBe("its own");
});

test("what a caller's calls hold leaves room for the longest call of another", async () => {
  const { link } = openEnd();
  const peer = new Peer(link);
  const big = "x".repeat(900_000);
  const begin = (callerId: string) => peer.call("t", big, { callerId });
  for (let n = 0; n <= CALLER_MAX.bytes / 900_000; n++) begin("a").catch(() => {});
  await expect(begin("a")).rejects.toMatchObject({ code: "overloaded" });
  const others = vi.fn();
  begin("b").catch(others);
  await Promise.resolve();
  expect(others).not.toHaveBeenCalled();
});

test("a call that came too late is not run, nor one whose id is under way", async () => {
  const serve = vi.fn(never);
  const { link, sent, receive } = openEnd();
  new Peer(link, { serve });
  receive({ t: "call", id: 1, tool: "t", timeout_ms: 0 });
  receive({ t: "call", id: 2, tool: "t", timeout_ms: 60_000 });
  receive({ t: "call", id: 2, tool: "t", timeout_ms: 60_000 });
  expect(sent.map(({ id, error }) => [id, error?.code])).toEqual([
    [1, "timeout"],
    [2, "conflict"],
  ]);
  expect(serve).toHaveBeenCalledOnce();
});

test("what comes after a long silence was given up long ago: it is not run, and the link is closed", () => {
  let nowMs = 0;
  const serve = vi.fn(never);
  const { link, receive } = openEnd();
  new Peer(link, { serve, silentMs: 45_000, now: () => nowMs });
  nowMs = 45_001;
  receive({ t: "call", id: 1, tool: "t", timeout_ms: 60_000 });
  expect(serve).not.toHaveBeenCalled();
  expect(link.close).toHaveBeenCalledWith(CLOSE.silent, expect.any(String));
});

test("a ping is answered, in a text that never varies", () => {
  const { link, sent, receive } = openEnd();
  const peer = new Peer(link);
  receive({ t: "ping" });
  peer.ping();
  expect(sent.map((frame) => JSON.stringify(frame))).toEqual(['{"t":"pong"}', '{"t":"ping"}']);
});
