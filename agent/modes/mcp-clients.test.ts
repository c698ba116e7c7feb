// Real MCP clients, of both SDKs and both eras, over HTTP and stdio, with the configurations that people have
// (contract.md §2.8). They check every structuredContent against the tool's outputSchema themselves.
import { chmod, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Paths, pathsOf } from "../paths.ts";
import { checkResult } from "../testing/answers.ts";
import { type Json, parseToolResult, type ToolResult, textOf } from "../testing/caller.ts";
import { OLD_TOOLS } from "../testing/contract/chapter.ts";
import { clear, environment, MAIN, newDataFolder, type Program, startProgram } from "../testing/program.ts";
import { picturePath, putDataset, putRun } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: (progress: { progress: number; total?: number | undefined }) => void;
}

/** What the tests ask of a client, whichever it is. */
interface AnyClient {
  readonly version: string | undefined;
  serverName(): string | undefined;
  list(): Promise<string[]>;
  call(name: string, args?: Json, options?: CallOptions): Promise<ToolResult>;
  close(): Promise<void>;
}

interface Endpoint {
  /** As in `{"type": "http", "url": …}`. */
  readonly url: string;
  /** As in `{"command": …, "args": […]}`. */
  readonly stdio: { readonly command: string; readonly args: string[]; readonly env: Record<string, string> };
}

/** What came, held against what its tool declares: successes, failures and pictures, in both eras. */
function checked(tool: string, result: unknown): ToolResult {
  checkResult(tool, result);
  return parseToolResult(result);
}

const INFO = { name: "test", version: "1" };

async function v1(endpoint: Endpoint, over: "http" | "stdio"): Promise<AnyClient> {
  const client = new ClientV1(INFO);
  const http = new HttpV1(new URL(endpoint.url));
  await client.connect(over === "http" ? http : new StdioV1({ ...endpoint.stdio, stderr: "ignore" }));
  return {
    version: over === "http" ? http.protocolVersion : undefined,
    serverName: () => client.getServerVersion()?.name,
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, options) =>
      checked(name, await client.callTool({ name, arguments: args }, undefined, options)),
    close: () => client.close(),
  };
}

async function v2(
  endpoint: Endpoint,
  over: "http" | "stdio",
  mode: "legacy" | "auto" | { pin: string },
): Promise<AnyClient> {
  const client = new ClientV2(INFO, { versionNegotiation: { mode } });
  await client.connect(
    over === "http"
      ? new HttpV2(new URL(endpoint.url))
      : new StdioV2({ ...endpoint.stdio, stderr: "ignore" }),
  );
  return {
    version: client.getNegotiatedProtocolVersion(),
    serverName: () => client.getServerVersion()?.name,
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, options) =>
      checked(name, await client.callTool({ name, arguments: args }, options)),
    close: () => client.close(),
  };
}

const CLIENTS: readonly (readonly [
  name: string,
  version: string | undefined,
  connect: (endpoint: Endpoint) => Promise<AnyClient>,
])[] = [
  ["SDK 1, HTTP", "2025-11-25", (endpoint) => v1(endpoint, "http")],
  ["SDK 1, stdio", undefined, (endpoint) => v1(endpoint, "stdio")],
  ["SDK 2 legacy, HTTP", "2025-11-25", (endpoint) => v2(endpoint, "http", "legacy")],
  ["SDK 2 auto, HTTP", "2026-07-28", (endpoint) => v2(endpoint, "http", "auto")],
  ["SDK 2 auto, stdio", "2026-07-28", (endpoint) => v2(endpoint, "stdio", "auto")],
  ["SDK 2 pinned, HTTP", "2026-07-28", (endpoint) => v2(endpoint, "http", { pin: "2026-07-28" })],
  ["SDK 2 pinned, stdio", "2026-07-28", (endpoint) => v2(endpoint, "stdio", { pin: "2026-07-28" })],
];

let bin: string;
let program: Program;
beforeAll(async () => {
  // `mcp-ai-toolkit` on the search path, as the package's bin entry puts it there.
  bin = await newDataFolder();
  const command = join(bin, "mcp-ai-toolkit");
  await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  await chmod(command, 0o755);
  // Clients over stdio start programs of their own, on the same data folder.
  program = await startProgram({ env: GRACE });
});
afterAll(async () => {
  await program?.close();
  await clear(bin);
});

const GRACE = { MCP_AI_TOOLKIT_STOP_GRACE: "0.3" };

function endpointOf({ url, data }: Pick<Program, "url" | "data">): Endpoint {
  const own = environment({
    AI_TOOLKIT_PATH: data,
    MCP_AI_TOOLKIT_TRAINER: "rehearsal",
    ...GRACE,
  });
  return {
    url: `${url}/messages`,
    stdio: {
      command: "mcp-ai-toolkit",
      args: ["--mode", "stdio"],
      env: { ...own, PATH: `${bin}${delimiter}${own["PATH"]}` },
    },
  };
}

describe.each(CLIENTS)("%s", (title, version, connect) => {
  // All share one data folder.
  const own = (name: string) => `${name} ${title.replaceAll(/[^\w ]/g, "")}`;
  const [cats, long, deaf, watched] = [own("cats"), own("long"), own("deaf"), own("watched")];
  let client: AnyClient;
  let paths: Paths;
  beforeAll(async () => {
    paths = pathsOf(program);
    client = await connect(endpointOf(program));
  });
  afterAll(() => client?.close());

  const ok = async (name: string, args?: Json): Promise<Json> => {
    const { structuredContent, isError, content } = await client.call(name, args);
    expect(isError, `${name}: ${textOf(content)}`).not.toBe(true);
    expect(structuredContent, name).toBeDefined();
    return structuredContent ?? {};
  };

  test("connects and agrees on a version", () => {
    expect(client.version).toBe(version);
    expect(client.serverName()).toBe("ai-toolkit");
  });

  test("lists all tools, then calls each of them", async () => {
    const names = await client.list();
    expect(names.slice(0, OLD_TOOLS.length)).toEqual(OLD_TOOLS);
    const data = (await readFile(picturePath("img1.jpg"))).toString("base64");
    const called = new Set<string>();
    const walk = (name: string, args?: Json) => {
      called.add(name);
      return ok(name, args);
    };

    await walk("get_system_stats");
    await walk("list_model_presets");
    await walk("upload_dataset", {
      dataset_name: cats,
      images: [{ filename: "a.jpg", data, caption: "a cat" }],
    });
    await walk("list_datasets");
    await walk("get_dataset_info", { name: cats });
    await walk("create_training_config", {
      name: cats,
      dataset_path: cats,
      steps: 5,
      prompts: [],
      unknown: 1,
    });
    await walk("list_configs");
    await walk("get_config", { name: cats });
    await walk("validate_config", { name: cats });
    const { job_id } = await walk("start_training", { config_name: cats });
    const status = () => walk("get_training_status", { job_id });
    await vi.waitFor(async () => expect(await status()).toMatchObject({ status: "completed" }), {
      timeout: 20_000,
      interval: 50,
    });
    await walk("list_training_jobs");
    await walk("get_training_logs", { job_id, lines: 5 });
    await walk("get_training_info");
    await walk("list_exported_models");
    await walk("export_model", { model_name: cats, output_path: `${cats}-mine` });
    await walk("download_model", { model_name: cats });
    await walk("download_model", { model_name: cats, encoding: "raw" });
    await walk("delete_model", { name: `${cats}-mine` });
    await putRun(paths, long, { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
    const second = await walk("start_training", { config_name: long });
    await walk("get_training_status", { job_id: second["job_id"] });
    await walk("stop_training", { job_id: second["job_id"] });
    await walk("get_training_status", { job_id: second["job_id"] });
    await walk("delete_config", { name: cats });
    await walk("delete_dataset", { name: cats });
    expect(OLD_TOOLS.filter((name) => !called.has(name))).toEqual([]);
  });

  test("a failed tool is a result that the model can read", async () => {
    const { isError, content } = await client.call("get_config", { name: "gone" });
    expect(isError).toBe(true);
    expect(JSON.parse(textOf(content) ?? "")).toMatchObject({
      error: "Configuration not found",
      code: "not_found",
    });
    expect(await client.call("get_config", {})).toMatchObject({ isError: true });
  });

  test("a picture arrives as one", async () => {
    await putDataset(paths, cats);
    const { content, structuredContent } = await client.call("view_dataset", { name: cats });
    expect(content).toContainEqual({ type: "image", mimeType: "image/jpeg", data: expect.any(String) });
    expect(structuredContent).toBeUndefined(); // clients would drop the picture
  });

  test("an unknown tool is a protocol error", async () => {
    await expect(client.call("no_such", {})).rejects.toThrow("Tool not found: no_such");
  });

  test("progress of a slow tool arrives, in order", async () => {
    const data = (await readFile(picturePath("img1.jpg"))).toString("base64");
    const images = Array.from({ length: 20 }, (_, n) => ({ filename: `${n}.jpg`, data, caption: "" }));
    const seen: number[] = [];
    const onprogress = ({ progress }: { progress: number }) => void seen.push(progress);
    await client.call("upload_dataset", { dataset_name: watched, images }, { onprogress });
    // Over stdio the SDK's clients drop what they read together with the answer, so the last ones may be missing.
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(images.slice(0, seen.length).map((_, n) => n + 1));
  });

  test("a cancelled call is over for the client at once, and the server goes on", async () => {
    await putRun(paths, deaf, {
      train: { steps: 1_000_000 },
      rehearsal: { step_ms: 5, fault: "ignores-sigint" },
    });
    const { job_id } = await ok("start_training", { config_name: deaf });
    const phase = async () => (await ok("get_training_status", { job_id }))["phase"];
    await vi.waitFor(async () => expect(await phase()).toBe("training"), { timeout: 20_000, interval: 25 });
    const cancel = new AbortController();
    const stopping = client.call("stop_training", { job_id }, { signal: cancel.signal });
    const outcome = stopping.then(
      () => "answered",
      () => "cancelled",
    );
    await vi.waitFor(async () => expect(await phase()).toBe("stopping"), { timeout: 20_000, interval: 25 });
    cancel.abort(new Error("enough"));
    expect(await outcome).toBe("cancelled");
    await vi.waitFor(async () => expect(await phase()).toBe("ended"), { timeout: 20_000, interval: 50 });
  });
});

test.each(CLIENTS.filter(([name]) => name.endsWith("HTTP")))(
  "%s: who was there before a restart goes on after it",
  async (_name, _version, connect) => {
    const first = await startProgram();
    onTestFinished(() => first.close());
    const client = await connect(endpointOf(first));
    onTestFinished(() => client.close());
    const before = await client.list();
    await first.stop();
    const port = new URL(first.url).port;
    const second = await startProgram({ data: first.data, args: ["--port", port] });
    onTestFinished(() => second.close());
    expect(await client.list()).toEqual(before);
    expect(await client.call("list_configs")).toMatchObject({ structuredContent: { configs: [] } });
  },
);
