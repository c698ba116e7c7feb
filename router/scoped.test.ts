import { expect, test } from "vitest";
import { TOOLS } from "../shared/tools/index.ts";
import type { Caller } from "./auth/caller.ts";
import type { Backend } from "./backend.ts";
import { scoped } from "./scoped.ts";

/** A back end that remembers what was called. */
function recorder() {
  const called: string[] = [];
  const backend: Backend = {
    tools: () => TOOLS.map(({ name }) => ({ name, description: "", inputSchema: { type: "object" } })),
    hasTool: () => true,
    async call(tool) {
      called.push(tool);
      return { kind: "json", output: {} };
    },
    health: async () => {
      throw new Error("not asked here");
    },
  };
  return { backend, called };
}

const caller = (...scopes: Caller["scopes"]): Caller => ({ id: "x", label: "x", scopes });
const namesOf = (...scopes: readonly string[]) =>
  TOOLS.filter(({ scope }) => scopes.includes(scope)).map(({ name }) => name);

test.each([
  [["read"], ["read"]],
  [["train"], ["read", "train"]],
  [
    ["read", "train"],
    ["read", "train"],
  ],
  [["admin"], ["read", "train", "admin"]],
  [[], []],
] as const)("a token with the scopes %j lists the tools of %j", async (scopes, listed) => {
  const tools = await scoped(recorder().backend, caller(...scopes)).tools();
  expect(tools.map(({ name }) => name)).toEqual(namesOf(...listed));
});

test("a tool beyond the scopes is not called, and the answer says which scope it needs", async () => {
  const { backend, called } = recorder();
  const view = scoped(backend, caller("read"));
  await expect(view.call("start_training", {}, {})).rejects.toMatchObject({
    code: "forbidden",
    message: "start_training needs the scope train; this token has read",
  });
  await view.call("list_configs", {}, {});
  expect(called).toEqual(["list_configs"]);
});

test("a tool that no contract describes needs the scope admin", async () => {
  const { backend, called } = recorder();
  await expect(scoped(backend, caller("train")).call("made_elsewhere", {}, {})).rejects.toThrow(/admin/);
  await scoped(backend, caller("admin")).call("made_elsewhere", {}, {});
  expect(called).toEqual(["made_elsewhere"]);
});
