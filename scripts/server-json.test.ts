// server.json is what registries show of us: it has to say what the code says. Its form is held against the registry's
// schema of 2025-12-11, as far as we use it.
import * as v from "valibot";
import { expect, test } from "vitest";
import { buildCommand, DEFAULT_DATA } from "../agent/options.ts";
import pkg from "../package.json" with { type: "json" };
import server from "../server.json" with { type: "json" };
import { SERVER_ID, SERVER_SUMMARY, SERVER_TITLE, SERVER_VERSION } from "../shared/server-info.ts";

const Input = {
  description: v.optional(v.string()),
  isRequired: v.optional(v.boolean()),
  isSecret: v.optional(v.boolean()),
  format: v.optional(v.picklist(["string", "number", "boolean", "filepath"])),
  value: v.optional(v.string()),
  default: v.optional(v.string()),
};
const KeyValue = v.strictObject({ ...Input, name: v.string() });
const Exact = v.pipe(v.string(), v.maxLength(255), v.regex(/^\d+\.\d+\.\d+(-[\w.]+)?$/));
const ServerJson = v.strictObject({
  $schema: v.literal("https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"),
  name: v.pipe(v.string(), v.minLength(3), v.maxLength(200), v.regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/)),
  title: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  description: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  version: Exact,
  packages: v.array(
    v.strictObject({
      registryType: v.literal("npm"),
      identifier: v.string(),
      version: Exact,
      transport: v.strictObject({ type: v.literal("stdio") }),
      packageArguments: v.array(v.strictObject({ ...Input, type: v.literal("named"), name: v.string() })),
      environmentVariables: v.array(KeyValue),
    }),
  ),
  remotes: v.array(
    v.strictObject({
      type: v.literal("streamable-http"),
      url: v.pipe(v.string(), v.regex(/^(https?:\/\/\S+|\{[a-zA-Z_]\w*\}\S*)$/)),
      variables: v.record(v.string(), v.strictObject(Input)),
      headers: v.array(KeyValue),
    }),
  ),
});

const { packages, remotes, ...identity } = v.parse(ServerJson, server);

test("it names this server as the server names itself", () => {
  expect(identity).toMatchObject({
    name: SERVER_ID,
    title: SERVER_TITLE,
    description: SERVER_SUMMARY,
    version: SERVER_VERSION,
  });
  expect(pkg.mcpName).toBe(SERVER_ID); // by which the registry knows that the package is ours
});

test("its package is this one, started with flags that there are", () => {
  const [ours] = packages;
  expect(packages).toHaveLength(1);
  expect(ours).toMatchObject({ identifier: pkg.name, version: pkg.version });
  expect(Object.keys(pkg.bin)).toContain(pkg.name);
  const flags = buildCommand().options.map(({ long }) => long);
  for (const { name } of ours?.packageArguments ?? []) expect(flags).toContain(name);
  expect(ours?.packageArguments.find(({ name }) => name === "--data")?.default).toBe(DEFAULT_DATA);
});

test("its address has a variable for each name in braces, and asks for a token as a secret", () => {
  const [remote] = remotes;
  const named = [...(remote?.url ?? "").matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  expect(named).toEqual(Object.keys(remote?.variables ?? {}));
  expect(remote?.headers).toMatchObject([{ name: "Authorization", isRequired: true, isSecret: true }]);
});
