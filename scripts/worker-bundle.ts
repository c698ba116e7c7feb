// How the Worker is bundled: `wrangler deploy` runs it (wrangler.toml), and so do the tests, which run what it makes.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Plugin, rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What a dependency can do and we never ask of it. Each name that such a module exports is there, and does nothing. */
const LEFT_OUT = [
  // Schemas of zod turned into JSON Schema. The SDK checks messages with zod; our own schemas are valibot's.
  /\/zod\/v4\/core\/(json-schema-processors|to-json-schema)\.js$/,
  // Forms are read by nobody here, and other apps are not mounted.
  /\/hono\/dist\/utils\/(body|mount)\.js$/,
  // JSON Schema checked in full; see ALWAYS.
  /\/@modelcontextprotocol\/server\/dist\/cfWorkerProvider-[\w-]+\.mjs$/,
];

/** Kinds of text that no schema of the SDK names (one that did would not load); zod has a class and a pattern for each. */
const FORMATS = {
  ...{
    emoji: "Emoji",
    guid: "GUID",
    nanoid: "NanoID",
    cuid: "CUID",
    cuid2: "CUID2",
    ulid: "ULID",
    xid: "XID",
  },
  ...{
    ksuid: "KSUID",
    ipv4: "IPv4",
    ipv6: "IPv6",
    cidrv4: "CIDRv4",
    cidrv6: "CIDRv6",
    e164: "E164",
    jwt: "JWT",
  },
};

/** Expressions of a dependency that are never anything else here: what only they lead to is not bundled. */
const ALWAYS = [
  {
    id: /\/zod\/v4\/classic\/schemas\.js$/,
    // Support for objects that contain themselves, which JSON cannot.
    "core.config({ memoizer: core.memoizer() })": "undefined",
    ...Object.fromEntries(
      Object.entries(FORMATS).map(([name, type]) => [`core._${name}(Zod${type}, params)`, "undefined"]),
    ),
  },
  {
    id: /\/@modelcontextprotocol\/server\/dist\/index\.mjs$/,
    // We hand it a Server, the low-level class, never an McpServer.
    "product instanceof McpServer": "false",
    // The SDK's own legs for clients of the old era: router/legacy-mcp.ts is ours, and its handler is told to refuse them.
    "new WebStandardStreamableHTTPServerTransport": "new Object",
    'legacy === "reject"': "true",
    'typeof legacy === "function"': "false",
    // We choose no mode, and bring a bus of our own: router/changes.ts.
    'responseMode === "json"': "false",
    "options.bus ?? new InMemoryServerEventBus(reportError)": "options.bus",
    "createServerNotifier(bus)": "undefined",
  },
  {
    id: /\/@modelcontextprotocol\/server\/dist\/mcp-[\w-]+\.mjs$/,
    // Every Server of ours brings its own: router/mcp/form-answers.ts.
    "options?.jsonSchemaValidator ?? new DefaultJsonSchemaValidator()": "options.jsonSchemaValidator",
  },
  {
    id: /\/jose\/dist\/webapi\/lib\/jwt_claims_set\.js$/,
    // What router/auth/jwt.ts does not ask it to look at, and a tolerance in words.
    "maxTokenAge !== void 0": "false",
    'typeof clockTolerance == "string"': "false",
  },
  {
    id: /\/jose\/dist\/webapi\/lib\/key\.js$/,
    // Workers have no KeyObject.
    'keyObject && typeof keyObject.toCryptoKey == "function"': "false",
  },
  {
    id: /\/@modelcontextprotocol\/server\/dist\/src-[\w-]+\.mjs$/,
    // A table of every schema of every revision, for users of the SDK to look things up in.
    "for (const key of SPEC_SCHEMA_KEYS) register(key, schemas_exports[key]);": "",
    "for (const [key, schema] of Object.entries(authSchemas)) register(key, schema);": "",
    // What is asked of a person is JSON Schema here, not a schema of some library.
    "isStandardSchema(input.requestedSchema)": "false",
    // All that our tools answer with are objects: shared/contract.ts.
    "!tools.some((t) => toolNeedsLegacyWrap(t))": "true",
  },
];

const leaveOut: Plugin = {
  name: "leave-out",
  load: {
    filter: { id: LEFT_OUT },
    async handler(id) {
      const source = await readFile(id, "utf8");
      const names = [
        ...source.matchAll(
          /^export (?:async )?(?:const|function|class) (\w+)|^export \{\s*(?:\w+ as )?(\w+)\s*\}/gm,
        ),
      ].map(([, declared, renamed]) => declared ?? renamed);
      if (names.length === 0) throw new Error(`${id} exports nothing that can be left out; look at LEFT_OUT`);
      const missing = `throw new Error("left out of the Worker: scripts/worker-bundle.ts")`;
      return `const leftOut = () => () => { ${missing}; };\n${names.map((name) => `export const ${name} = leftOut;`).join("\n")}`;
    },
  },
};

const settle: Plugin = {
  name: "settle",
  transform: {
    filter: { id: ALWAYS.map(({ id }) => id) },
    handler(code, file) {
      for (const { id, ...settled } of ALWAYS) {
        if (!id.test(file)) continue;
        for (const [expression, value] of Object.entries(settled)) {
          if (!code.includes(expression)) throw new Error(`${file} has no "${expression}"; look at ALWAYS`);
          code = code.replaceAll(expression, value);
        }
      }
      return code;
    },
  },
};

export interface WorkerBundle {
  readonly code: string;
  /** Modules that the runtime has to have. */
  readonly imports: readonly string[];
}

/** @param entry a module whose default export is the Worker */
export async function bundleWorker(entry = "router/worker.ts"): Promise<WorkerBundle> {
  const bundle = await rolldown({
    input: entry,
    cwd: root,
    platform: "browser",
    external: /^(cloudflare|node):/,
    plugins: [leaveOut, settle],
    // Of the SDK nothing is wanted but what is named: the tables of a validator that is never made would stay otherwise.
    treeshake: { moduleSideEffects: [{ test: /\/@modelcontextprotocol\//, sideEffects: false }] },
    resolve: {
      conditionNames: ["workerd", "worker", "browser", "import"],
      alias: {
        // One router instead of the choice of two: a Worker starts often, and there are few routes.
        hono$: "hono/tiny",
      },
    },
    logLevel: "silent",
  });
  const { output } = await bundle.generate({
    format: "esm",
    minify: true,
    codeSplitting: false,
    comments: false,
  });
  await bundle.close();
  const [chunk, ...others] = output;
  if (others.length > 0) throw new Error("the Worker is one file");
  const lazy = chunk.dynamicImports.filter((name) => name !== chunk.fileName); // what is loaded later is in here, too
  return { code: chunk.code, imports: [...chunk.imports, ...lazy] };
}
