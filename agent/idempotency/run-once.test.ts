import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CallContext } from "../../shared/contract.ts";
import { ToolError } from "../../shared/errors.ts";
import { LinkLost } from "../../shared/open-calls.ts";
import type { Serve } from "../../shared/served-calls.ts";
import { identify, type ProcessIdentity } from "../tools/training/process.ts";
import { CallStore } from "./call-store.ts";
import { callDigest, runOnce } from "./run-once.ts";

let folder: string;
let store: CallStore;
let self: ProcessIdentity;
const path = () => join(folder, "calls.db");

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "calls-"));
  store = new CallStore(path());
  self = await identify(process.pid);
});
afterEach(async () => {
  store[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

const context = (key: string | undefined, signal = new AbortController().signal): CallContext => ({
  signal,
  progress: () => {},
  key,
});

/** Counts what it is asked to do, and does it when told. */
function counter() {
  const gates: PromiseWithResolvers<unknown>[] = [];
  const signals: AbortSignal[] = [];
  const serve: Serve = (_tool, _input, { signal }) => {
    const gate = Promise.withResolvers<unknown>();
    gates.push(gate);
    signals.push(signal);
    signal.addEventListener("abort", () => gate.reject(signal.reason));
    return gate.promise;
  };
  return { serve, gates, signals };
}

test("a repeated call gets the first one's answer, also from the next process on the same folder", async () => {
  let runs = 0;
  const serve: Serve = async () => ({ runs: ++runs });
  const once = runOnce(serve, () => store, self);
  expect(await once("t", { a: 1 }, context("k"))).toEqual({ runs: 1 });
  expect(await once("t", { a: 1 }, context("k"))).toEqual({ runs: 1 });
  const next = new CallStore(path());
  expect(await runOnce(serve, () => next, self)("t", { a: 1 }, context("k"))).toEqual({ runs: 1 });
  next[Symbol.dispose]();
  expect(await once("t", { a: 1 }, context("another"))).toEqual({ runs: 2 });
  expect(await once("t", { a: 1 }, context(undefined))).toEqual({ runs: 3 });
});

test("a failure is an answer, too, with its code, hint and body", async () => {
  const error = new ToolError("conflict", "busy", { hint: "wait", body: { error: "busy" } });
  const serve = vi.fn(async () => Promise.reject(error));
  const once = runOnce(serve, () => store, self);
  await expect(once("t", {}, context("k"))).rejects.toBe(error);
  await expect(once("t", {}, context("k"))).rejects.toMatchObject({
    code: "conflict",
    message: "busy",
    hint: "wait",
    body: { error: "busy" },
  });
  expect(serve).toHaveBeenCalledOnce();
});

test("a call that was turned away before it was tried may come again", async () => {
  const serve = vi.fn<Serve>(async () => ({ done: true }));
  serve.mockRejectedValueOnce(new ToolError("overloaded", "too many"));
  const once = runOnce(serve, () => store, self);
  await expect(once("t", {}, context("k"))).rejects.toMatchObject({ code: "overloaded" });
  await expect(once("t", {}, context("k"))).resolves.toEqual({ done: true });
});

test("the same key for another call is refused", async () => {
  const { serve, gates } = counter();
  const once = runOnce(serve, () => store, self);
  const first = once("t", { a: 1 }, context("k"));
  await expect(once("t", { a: 2 }, context("k"))).rejects.toMatchObject({ code: "conflict" });
  gates[0]?.resolve("done");
  await first;
  await expect(once("u", { a: 1 }, context("k"))).rejects.toMatchObject({ code: "conflict" });
});

test("one that comes while the first is under way waits for it", async () => {
  const { serve, gates } = counter();
  const once = runOnce(serve, () => store, self);
  const both = [once("t", {}, context("k")), once("t", {}, context("k"))];
  gates[0]?.resolve("done");
  expect(await Promise.all(both)).toEqual(["done", "done"]);
  expect(gates).toHaveLength(1);
});

test("when the line breaks the work goes on, and the repeated call gets its end", async () => {
  const { serve, gates, signals } = counter();
  const once = runOnce(serve, () => store, self);
  const line = new AbortController();
  const first = once("t", {}, context("k", line.signal));
  line.abort(new LinkLost({ code: 1006, reason: "cut" }));
  await expect(first).rejects.toMatchObject({ code: "agent_offline" });
  expect(signals[0]?.aborted).toBe(false);
  const again = once("t", {}, context("k"));
  gates[0]?.resolve("done");
  expect(await again).toBe("done");
  expect(gates).toHaveLength(1);
});

test("when the last who waits gives up, the work is told; its end is remembered", async () => {
  const { serve, signals } = counter();
  const once = runOnce(serve, () => store, self);
  const [one, two] = [new AbortController(), new AbortController()];
  const calls = [once("t", {}, context("k", one.signal)), once("t", {}, context("k", two.signal))];
  const cancelled = new ToolError("cancelled", "The call was cancelled");
  one.abort(cancelled);
  expect(signals[0]?.aborted).toBe(false);
  two.abort(cancelled);
  expect(signals[0]?.aborted).toBe(true);
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: "cancelled" });
  await expect(once("t", {}, context("k"))).rejects.toMatchObject({ code: "cancelled" });
  expect(signals).toHaveLength(1);
});

test("what a process began and did not end is never run again: nobody knows whether it was done", async () => {
  store.begin("k", "another", { pid: 2 ** 22 + 1, startTicks: 1, bootId: self.bootId }); // more than Linux gives out
  const serve = vi.fn();
  await expect(runOnce(serve, () => store, self)("t", {}, context("k"))).rejects.toMatchObject({
    code: "conflict",
  });
  store.forget("k");
  store.begin("k", callDigest("t", {}), { pid: 2 ** 22 + 1, startTicks: 1, bootId: self.bootId });
  await expect(runOnce(serve, () => store, self)("t", {}, context("k"))).rejects.toMatchObject({
    code: "agent_error",
    message: expect.stringContaining("not known"),
  });
  expect(serve).not.toHaveBeenCalled();
});

test("a call that another living process runs is waited for", async () => {
  const other = new CallStore(path());
  const init = await identify(1); // lives as long as this test
  other.begin("k", callDigest("t", {}), init);
  const serve = vi.fn();
  const answer = runOnce(serve, () => store, self)("t", {}, context("k"));
  other.end("k", { output: "theirs" });
  expect(await answer).toBe("theirs");
  expect(serve).not.toHaveBeenCalled();
  other[Symbol.dispose]();
});

test("an answer too long to keep is not lost to the first, and not run again for the second", async () => {
  const long = "x".repeat(300_000);
  const serve = vi.fn(async () => long);
  const once = runOnce(serve, () => store, self);
  expect(await once("t", {}, context("k"))).toBe(long);
  await expect(once("t", {}, context("k"))).rejects.toMatchObject({ code: "conflict" });
  expect(serve).toHaveBeenCalledOnce();
});

test("keys are forgotten after a day, and the oldest when there are very many", () => {
  let now = 1_000_000_000_000;
  const own = new CallStore(join(folder, "own.db"), { now: () => now, rowsMax: 50 });
  own.begin("old", "c", self);
  now += 25 * 3_600_000;
  for (let i = 0; i < 200; i++) own.begin(`k${i}`, "c", self);
  expect(own.find("old", "c").kind).toBe("new");
  expect(own.find("k0", "c").kind).toBe("new");
  expect(own.find("k199", "c").kind).toBe("begun");
  own[Symbol.dispose]();
});

test("one caller's keys push out its own, not those of others", () => {
  const own = new CallStore(join(folder, "own.db"), { rowsMax: 50 });
  own.begin("laptop k0 0", "c", self);
  for (let i = 0; i < 200; i++) own.begin(`phone k${i} 0`, "c", self);
  for (let i = 0; i < 200; i++) own.begin(`without-a-caller-${i}`, "c", self);
  expect(own.find("laptop k0 0", "c").kind).toBe("begun");
  expect(own.find("phone k199 0", "c").kind).toBe("begun");
  expect(own.find("phone k0 0", "c").kind).toBe("new");
  own[Symbol.dispose]();
});
