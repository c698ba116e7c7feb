// contract.md §2.2: the routes of standalone and client mode, and every curl line of the old README.
import { expect, test } from "vitest";
import { putDataset } from "../subject.ts";
import { type Chapter, OLD_TOOLS } from "./chapter.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** `properties` and `required` of the old server's schemas. */
const OLD_ARGUMENTS: Readonly<Record<string, { readonly all: string; readonly required: string }>> = {
  create_training_config: {
    all: "name model_name dataset_path resolution steps batch_size rank alpha lr optimizer noise_scheduler trigger_word prompts is_flux is_xl is_v3 quantize gradient_checkpointing cache_latents caption_dropout_rate",
    required: "name dataset_path",
  },
  get_config: { all: "name", required: "name" },
  delete_config: { all: "name", required: "name" },
  validate_config: { all: "name", required: "name" },
  upload_dataset: { all: "dataset_name images", required: "dataset_name images" },
  get_dataset_info: { all: "name", required: "name" },
  delete_dataset: { all: "name", required: "name" },
  start_training: { all: "config_name", required: "config_name" },
  get_training_status: { all: "job_id", required: "job_id" },
  stop_training: { all: "job_id", required: "job_id" },
  get_training_logs: { all: "job_id lines", required: "job_id" },
  export_model: { all: "model_name output_path", required: "model_name" },
  download_model: { all: "model_name encoding", required: "model_name" },
  delete_model: { all: "name", required: "name" },
};

interface ListedTool {
  readonly name: string;
  readonly description: string;
  readonly parameters: {
    readonly type: string;
    readonly properties: object;
    readonly required?: readonly string[];
  };
}

export const routes: Chapter = (subject) => {
  test("GET /health", async () => {
    const { status, headers, json } = await subject().send("/health");
    expect(status).toBe(200);
    expect(headers.get("content-type")).toMatch(/^application\/json/);
    expect(json).toMatchObject({
      status: "healthy",
      server: "ai-toolkit",
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  test("D31, D33: /health says what is here and what could fail", async () => {
    const { json } = await subject().send("/health");
    expect(json).toMatchObject({
      trainer: "rehearsal",
      problems: [],
      checks: { disk: { writable: true }, jobs: { running: expect.any(Number), queued: expect.any(Number) } },
    });
  });

  test("GET /mcp/tools lists name, description and parameters, and nothing else", async () => {
    const { status, json } = await subject().send("/mcp/tools");
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(["tools"]);
    const tools = json["tools"] as readonly ListedTool[];
    expect(tools.map(({ name }) => name).slice(0, OLD_TOOLS.length)).toEqual(OLD_TOOLS);
    for (const tool of tools) expect(Object.keys(tool).sort()).toEqual(["description", "name", "parameters"]);
  });

  test("every argument of the old server is still there, and no other became required", async () => {
    const tools = (await subject().send("/mcp/tools")).json["tools"] as readonly ListedTool[];
    for (const { name, parameters } of tools.filter((tool) => OLD_TOOLS.includes(tool.name))) {
      const old = OLD_ARGUMENTS[name];
      expect(parameters.type).toBe("object");
      expect(parameters.required, name).toEqual(old?.required.split(" "));
      if (old)
        expect(Object.keys(parameters.properties), name).toEqual(expect.arrayContaining(old.all.split(" ")));
      else expect(parameters, name).not.toHaveProperty("required");
    }
  });

  test.each(["/mcp/execute", "/tools/execute"])(
    "POST %s answers with success, result and error",
    async (path) => {
      const { status, headers, json } = await subject().send(path, {
        body: { tool: "list_training_jobs", arguments: {} },
      });
      expect(status).toBe(200);
      expect(headers.get("content-type")).toMatch(/^application\/json/);
      expect(json).toEqual({
        success: true,
        result: { content: [{ type: "text", text: expect.stringMatching(/^\{\n {2}"/) }] },
        error: null,
      });
    },
  );

  test("the text of an answer is JSON, two blanks deep, keys sorted", async () => {
    const { text = "", json = {} } = await subject().execute("list_model_presets");
    expect(text).toBe(JSON.stringify(json, null, 2));
    const [first = {}] = json["presets"] as readonly object[];
    for (const object of [json, first]) expect(Object.keys(object)).toEqual(Object.keys(object).sort());
  });

  test.each([
    ["parameters instead of arguments", { parameters: { name: "nothing here" } }],
    ["arguments that are null", { arguments: null, parameters: { name: "nothing here" } }],
  ])("%s", async (_what, body) => {
    const { json } = await subject().send("/mcp/execute", { body: { tool: "get_config", ...body } });
    expect(json["error"]).toBe("Configuration not found");
  });

  test("neither arguments nor parameters", async () => {
    expect(await subject().execute("list_configs")).toMatchObject({ status: 200, success: true });
  });

  test("an unknown tool is a 404 with the old sentence", async () => {
    const { status, json } = await subject().send("/mcp/execute", {
      body: { tool: "no_such", arguments: {} },
    });
    expect(status).toBe(404);
    expect(json).toMatchObject({ success: false, result: null, error: "Tool 'no_such' not found" });
  });

  test.for([{}, { tool: 3 }, [], "x", null])("a call of no tool (%j) is a 400 that says so", async (body) => {
    const { status, json } = await subject().send("/mcp/execute", { body: JSON.stringify(body) });
    expect(status).toBe(400);
    expect(json).toMatchObject({ success: false, error: "Missing 'tool' field in request" });
  });

  test("GET /.well-known/mcp", async () => {
    const { status, json } = await subject().send("/.well-known/mcp");
    expect(status).toBe(200);
    expect(json).toMatchObject({
      mcp_version: "1.0",
      server_name: "ai-toolkit",
      server_version: expect.any(String),
      capabilities: { tools: true, prompts: true, resources: true },
      endpoints: {
        tools: "/mcp/tools",
        execute: "/mcp/execute",
        initialize: "/mcp/initialize",
        capabilities: "/mcp/capabilities",
      },
    });
  });

  test("POST /mcp/initialize", async () => {
    const { status, json } = await subject().send("/mcp/initialize", { body: { anything: true } });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      session_id: expect.stringMatching(UUID),
      server: { name: "ai-toolkit", version: expect.any(String) },
      capabilities: { tools: true, prompts: true, resources: true },
    });
  });

  test("GET /mcp/capabilities", async () => {
    const { status, json } = await subject().send("/mcp/capabilities");
    const { list, count } = (json["capabilities"] as { tools: { list: string[]; count: number } }).tools;
    expect(status).toBe(200);
    expect(json).toEqual({
      capabilities: {
        tools: { list, count },
        prompts: { supported: true },
        resources: { supported: true },
      },
    });
    expect(list.slice(0, OLD_TOOLS.length)).toEqual(OLD_TOOLS);
    expect(count).toBe(list.length);
  });

  test("GET /messages describes the endpoint to people", async () => {
    for (const reply of [await subject().send("/messages"), await subject().sendBare("/messages")]) {
      expect(reply.status).toBe(200);
      expect(reply.json).toEqual({
        protocol: "mcp",
        version: "1.0",
        server: { name: "ai-toolkit", version: expect.any(String), description: "ai-toolkit MCP Server" },
        transport: { type: "streamable-http", endpoint: "/messages" },
      });
    }
  });

  test("D16: GET /messages and GET /mcp offer no stream to a client that asks for one", async () => {
    for (const path of ["/messages", "/mcp"]) {
      const { status, headers } = await subject().send(path, { headers: { accept: "text/event-stream" } });
      expect(status).toBe(405);
      expect(headers.get("allow")).toContain("POST");
    }
  });

  test.each([
    ["GET", "/mcp"],
    ["DELETE", "/mcp"],
    ["DELETE", "/messages"],
    ["PUT", "/mcp/rpc"],
    ["GET", "/mcp/execute"],
    ["POST", "/health"],
    ["POST", "/mcp/tools"],
    ["DELETE", "/.well-known/mcp"],
  ])("%s %s is not allowed", async (method, path) => {
    const { status, headers, json } = await subject().send(path, { method });
    expect(status).toBe(405);
    expect(headers.get("allow")).not.toContain(method);
    expect(json["error"]).toBeDefined();
  });

  test.each([
    "/",
    "/nothing",
    "/mcp/nothing",
    "/tools",
    "/execute",
    "/tools/list_configs/call",
    "/.well-known/oauth-authorization-server",
  ])("%s is not there", async (path) => {
    const { status, headers } = await subject().send(path);
    expect(status).toBe(404);
    expect(headers.get("content-type")).toMatch(/^application\/json/);
  });

  test("OPTIONS /mcp tells methods, headers and how long that holds", async () => {
    const { status, headers } = await subject().send("/mcp", { method: "OPTIONS" });
    expect(status).toBe(200);
    expect(headers.get("access-control-allow-methods")).toBe("GET, POST, OPTIONS");
    for (const name of ["Content-Type", "Authorization", "Mcp-Session-Id", "Mcp-Response-Mode"]) {
      expect(headers.get("access-control-allow-headers")).toContain(name);
    }
    expect(headers.get("access-control-max-age")).toBe("86400");
  });

  test("the old README's curl lines work, also without an Accept header", async () => {
    const { sendBare, paths } = subject();
    await putDataset(paths, "my_dataset");
    const post = (body: string) =>
      sendBare("/mcp/execute", { body, headers: { "content-type": "application/json" } });

    expect((await sendBare("/health")).json).toMatchObject({ status: "healthy", server: "ai-toolkit" });
    expect((await sendBare("/mcp/tools")).text).toContain("create_training_config");
    const created = await post(`{
    "tool": "create_training_config",
    "arguments": {
      "name": "my_lora",
      "model_name": "runwayml/stable-diffusion-v1-5",
      "dataset_path": "${paths.datasets}/my_dataset",
      "steps": 1000,
      "rank": 16
    }
  }`);
    expect(created.json).toMatchObject({ success: true, error: null });
    const jobs = await post('{"tool": "list_training_jobs", "arguments": {}}');
    expect(jobs.json).toMatchObject({ success: true, error: null });
  });

  test("the old README's data set path is refused where it lies outside, with the path that is meant", async () => {
    const { execute, paths } = subject();
    const reply = await execute("create_training_config", {
      name: "outside",
      dataset_path: "/ai-toolkit/datasets/my_dataset",
    });
    expect(reply).toMatchObject({ status: 400, success: false, result: null, code: "invalid_input" });
    expect(reply.error).toMatch(/^Invalid parameters: .*\/ai-toolkit\/datasets\/my_dataset is outside/);
    expect(reply.hint).toContain(`${paths.datasets}/my_dataset`);
  });
};
