// Where there are several machines, a name alone does not say which thing is meant.
import type { ServerContext } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import type { Backend } from "../backend.ts";
import { scoped } from "../scoped.ts";
import { trainingFeatures } from "./training-features.ts";

/** Two machines with configs of the names given; one that has none is off. */
function fleet(configs: Readonly<Record<string, readonly string[] | undefined>>): Backend {
  return {
    tools: () => [],
    hasTool: () => true,
    machines: () => Object.keys(configs),
    async call(tool, args) {
      const { machine = "", name } = args as { readonly machine?: string; readonly name?: string };
      const found = configs[machine];
      if (!found) throw new ToolError("agent_offline", `${machine} is off`);
      if (tool === "list_configs") return { kind: "json", output: { configs: found } };
      if (tool === "get_config" && found.includes(String(name)))
        return { kind: "json", output: { yaml: `on: ${machine}` } };
      throw new ToolError("not_found", "there is none");
    },
    health: async () => {
      throw new Error("not asked here");
    },
  };
}

const context = { mcpReq: { signal: new AbortController().signal } } as ServerContext;

function featuresOf(backend: Backend) {
  const { resources, complete } = trainingFeatures()({ backend, id: "x" });
  if (!resources || !complete) throw new Error("there are always some");
  return { resources, complete };
}

test("the same name on two machines has two addresses, and each is read where it is", async () => {
  const { resources } = featuresOf(fleet({ a: ["cats"], b: ["cats", "dogs"] }));
  const { resources: listed } = await resources.list(undefined, context);
  expect(listed.map(({ uri }) => uri)).toEqual([
    "config://cats?machine=a",
    "config://cats?machine=b",
    "config://dogs?machine=b",
  ]);
  expect(await resources.read("config://cats?machine=b", context)).toEqual([
    { uri: "config://cats?machine=b", mimeType: "application/yaml", text: "on: b" },
  ]);
  expect(await resources.read("config://dogs?machine=a", context)).toBeUndefined();
});

test("templates ask for the machine, except for jobs, which are found by their id", () => {
  const { resources } = featuresOf(fleet({ a: [], b: [] }));
  const forms = resources.templates().map(({ uriTemplate }) => uriTemplate);
  expect(forms).toContain("config://{name}{?machine}");
  expect(forms).toContain("dataset://{name}/{file}{?machine}");
  expect(forms).toContain("job://{id}");
});

test("a machine that is off has nothing to list, and the other one is still there", async () => {
  const { resources } = featuresOf(fleet({ a: undefined, b: ["dogs"] }));
  const { resources: listed } = await resources.list(undefined, context);
  expect(listed.map(({ uri }) => uri)).toEqual(["config://dogs?machine=b"]);
  await expect(resources.read("config://cats?machine=a", context)).rejects.toThrow("a is off");
});

test("machines are completed, and names only of the machine that was chosen", async () => {
  const { complete } = featuresOf(fleet({ alpha: ["cats"], beta: ["dogs"] }));
  const of = { template: "config://{name}{?machine}" };
  const values = (argument: string, known = {}) => complete({ of, argument, value: "", known }, context);
  expect(await values("machine")).toEqual(["alpha", "beta"]);
  expect(await values("name")).toEqual(["cats", "dogs"]);
  expect(await values("name", { machine: "beta" })).toEqual(["dogs"]);
});

test("long lists come in pages that hold everything once", async () => {
  const names = Array.from({ length: 250 }, (_, n) => `config ${n}`);
  const { resources } = featuresOf(fleet({ a: names, b: [] }));
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await resources.list(cursor, context);
    expect(page.resources.length).toBeLessThanOrEqual(100);
    seen.push(...page.resources.map(({ name }) => name));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  expect(seen).toEqual(names);
});

test("who may not read is shown nothing, and is told why", async () => {
  const nobody = scoped(fleet({ a: ["cats"], b: [] }), { id: "x", label: "x", scopes: [] });
  const { resources } = featuresOf(nobody);
  expect(await resources.list(undefined, context)).toEqual({ resources: [] });
  await expect(resources.read("config://cats?machine=a", context)).rejects.toMatchObject({
    code: "forbidden",
  });
});
