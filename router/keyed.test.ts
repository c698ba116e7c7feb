import { expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { keyed } from "./keyed.ts";

function recorder() {
  const keys: unknown[] = [];
  const backend: Backend = {
    tools: () => [],
    hasTool: () => true,
    async call(_tool, _args, { key }) {
      keys.push(key);
      return { kind: "json", output: {} };
    },
    health: () => Promise.reject(new Error("not asked here")),
  };
  return { backend, keys };
}

test("each call of a request has its own key, the same when the request comes again", async () => {
  const { backend, keys } = recorder();
  for (let again = 0; again < 2; again++) {
    const view = keyed(backend, "me", "k1");
    await view.call("a", {}, {});
    await view.call("b", {}, {});
  }
  expect(keys.slice(2)).toEqual(keys.slice(0, 2));
  expect(new Set(keys).size).toBe(2);
});

test("keys of different callers never meet", async () => {
  const { backend, keys } = recorder();
  for (const [caller, key] of [
    ["a", "k"],
    ["b", "k"],
    ["a", "k2"],
    [`https://login.example/${"x".repeat(100)}#anna`, "k"],
    [`https://login.example/${"x".repeat(100)}#berta`, "k"],
  ] as const) {
    await keyed(backend, caller, key).call("t", {}, {});
  }
  expect(new Set(keys).size).toBe(5);
});

test.each(["", "two words", "x".repeat(101), "ä", "a\nb"])("the key %j is refused", (key) => {
  expect(() => keyed(recorder().backend, "me", key)).toThrow("Idempotency-Key must have");
});
