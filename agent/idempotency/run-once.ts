// A call that came with a key is run once, however often it comes: after a broken line, over another link, after a
// restart of this process. A repeated one waits for the first, and gets its answer.
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { CallContext } from "../../shared/contract.ts";
import { fromWire, ToolError, toToolError, toWire } from "../../shared/errors.ts";
import { LinkLost } from "../../shared/open-calls.ts";
import type { Serve } from "../../shared/served-calls.ts";
import { isAlive, type ProcessIdentity } from "../tools/training/process.ts";
import type { CallStore, Outcome } from "./call-store.ts";

interface Running {
  readonly call: string;
  readonly answer: Promise<unknown>;
  readonly abort: AbortController;
  /** Links on which somebody waits for it. */
  waiters: number;
}

/** Runs after its line broke: nobody may ever ask for it again. */
const ORPHAN_MS = 60_000;
/** Another process runs it: how often we look whether it has ended. */
const LOOK_MS = 200;

/** @param self this process */
export function runOnce(serve: Serve, openStore: () => CallStore, self: ProcessIdentity): Serve {
  const running = new Map<string, Running>();

  const begin = (
    store: CallStore,
    key: string,
    call: string,
    tool: string,
    input: unknown,
    context: CallContext,
  ): Running => {
    const abort = new AbortController();
    // Progress goes to whoever asked first; a repeated call only waits for the end.
    const answer = serve(tool, input, { ...context, signal: abort.signal }).then(
      (output) => {
        keep(store, key, { output });
        return output;
      },
      (thrown: unknown) => {
        const error = toToolError(thrown);
        // It was turned away, not tried.
        if (error.code === "overloaded") store.forget(key);
        else keep(store, key, { error: toWire(error) });
        throw thrown;
      },
    );
    const run = { call, answer, abort, waiters: 0 };
    running.set(key, run);
    const done = () => running.delete(key);
    answer.then(done, done);
    return run;
  };

  const keep = (store: CallStore, key: string, outcome: Outcome) => {
    try {
      store.end(key, outcome);
    } catch {
      // A full disk: the change was made, and its answer goes out. To a repeated call it is one whose outcome is unknown.
    }
  };

  return async (tool, input, context) => {
    const { key } = context;
    if (key === undefined) return serve(tool, input, context);
    const call = callDigest(tool, input);
    const known = running.get(key);
    if (known) {
      if (known.call !== call) throw otherCall();
      return join(known, context.signal);
    }
    const store = openStore();
    for (;;) {
      const found = store.begin(key, call, self);
      switch (found.kind) {
        case "new":
          return join(begin(store, key, call, tool, input, context), context.signal);
        case "answered":
          return answerOf(found.outcome);
        case "other":
          throw otherCall();
        case "begun":
          if (found.by.pid === self.pid || !(await isAlive(found.by))) throw outcomeUnknown();
          await delay(LOOK_MS, undefined, { signal: context.signal });
      }
    }
  };
}

/** Waits for the run. Whoever gives it up as the last one ends it; a line that only broke does not. */
async function join(run: Running, signal: AbortSignal): Promise<unknown> {
  run.waiters += 1;
  let orphaned: NodeJS.Timeout | undefined;
  const left = Promise.withResolvers<never>();
  left.promise.catch(() => {}); // only heard while we wait
  const leave = () => {
    run.waiters -= 1;
    if (run.waiters === 0 && !(signal.reason instanceof LinkLost)) run.abort.abort(signal.reason);
    else orphaned = setTimeout(() => run.waiters === 0 && run.abort.abort(signal.reason), ORPHAN_MS);
    left.reject(signal.reason);
  };
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  const end = () => clearTimeout(orphaned);
  run.answer.then(end, end);
  try {
    return await Promise.race([run.answer, left.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** What a key stands for. */
export function callDigest(tool: string, input: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify([tool, input]))
    .digest("hex");
}

function answerOf(outcome: Outcome): unknown {
  if ("output" in outcome) return outcome.output;
  if ("error" in outcome) throw fromWire(outcome.error);
  throw new ToolError("conflict", "This was done already; its answer was too long to keep", {
    hint: "Look at what is there; do not call again with the same key",
  });
}

function otherCall(): ToolError {
  return new ToolError("conflict", "This key was used for another call", {
    hint: "Use a new key for each change",
  });
}

function outcomeUnknown(): ToolError {
  return new ToolError(
    "agent_error",
    "The agent ended while it ran this call; whether the change was made is not known",
    { hint: "Look at what is there before you call again; a repeated call needs a new key" },
  );
}
