import { expect, test } from "vitest";
import { mcpTool } from "./describe.ts";
import { INSTRUCTIONS } from "./instructions.ts";
import { TOOLS } from "./tools/index.ts";

const described = TOOLS.map(mcpTool);

/** The old server's tools in its order of registration. */
const OLD_TOOLS = [
  "create_training_config", "list_configs", "get_config", "upload_dataset", "list_datasets", "start_training",
  "get_training_status", "stop_training", "list_training_jobs", "export_model", "list_exported_models",
  "download_model", "get_system_stats", "get_training_logs", "get_training_info", "delete_config",
  "delete_dataset", "delete_model", "validate_config", "get_dataset_info", "list_model_presets",
]; // biome-ignore format: a list

test("D19, D34: the list begins with the old server's 21 tools in a fixed order", () => {
  expect(described.map((tool) => tool.name).slice(0, OLD_TOOLS.length)).toEqual(OLD_TOOLS);
});

test.each(described)("$name has a title, all four hints, and schemas that are objects", (tool) => {
  expect(tool.title).not.toBe("");
  expect(tool.description.length).toBeLessThan(2_000);
  expect(tool.name).toMatch(/^[a-z_]{1,40}$/);
  expect(Object.keys(tool.annotations).sort()).toEqual([
    "destructiveHint", "idempotentHint", "openWorldHint", "readOnlyHint", "title",
  ]); // biome-ignore format: a list
  expect(tool.inputSchema.type).toBe("object");
  expect(tool.outputSchema?.type ?? "object").toBe("object");
});

test("a tool without parameters has no `required` key", () => {
  const schema = described.find((tool) => tool.name === "get_system_stats")?.inputSchema;
  expect(schema).toEqual({ type: "object", properties: {} });
});

test("D21: the schema's defaults are the ones that are used", () => {
  const schema = described[0]?.inputSchema as unknown as {
    properties: Record<string, { default?: unknown }>;
  };
  const defaults = Object.entries(schema.properties).filter(([, { default: value }]) => value !== undefined);
  expect(Object.fromEntries(defaults.map(([name, { default: value }]) => [name, value]))).toEqual({
    steps: 2000,
    batch_size: 1,
    gradient_checkpointing: true,
    cache_latents: true,
    caption_dropout_rate: 0.05,
    overwrite: false,
  });
});

test("what upload_dataset asks of an image is in its schema", () => {
  const schema = described.find((tool) => tool.name === "upload_dataset")?.inputSchema;
  expect(JSON.stringify(schema)).toContain('"required":["filename","data"]');
});

test("the instructions fit into what clients read of them", () => {
  expect(Buffer.byteLength(INSTRUCTIONS)).toBeLessThanOrEqual(2048);
});

test("only tools that answer with pictures have no output schema", () => {
  expect(described.filter((tool) => !tool.outputSchema).map((tool) => tool.name)).toEqual([
    "get_training_metrics",
    "get_training_samples",
    "compare_runs",
    "view_dataset",
  ]);
});

test("only tools whose callers can ask for much tell clients to take long answers", () => {
  const long = TOOLS.filter((tool) => mcpTool(tool)._meta !== undefined).map(({ name }) => name);
  expect(long).toContain("get_training_logs");
  expect(long).not.toContain("download_model"); // base64 is of no use to a model
  for (const tool of TOOLS.filter(({ name }) => long.includes(name))) {
    expect(tool.effect).toBe("read");
    expect(mcpTool(tool)).toMatchObject({
      outputSchema: {},
      _meta: { "anthropic/maxResultSizeChars": 200_000 },
    });
  }
});
