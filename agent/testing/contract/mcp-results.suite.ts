// mcp.md §5.1–5.5: what MCP carries beside text. A back end that is reached over REST cannot give it.
import { expect, test } from "vitest";
import { TOOLS } from "../../../shared/tools/index.ts";
import { checkResult } from "../answers.ts";
import { type Json, parseToolResult, textOf } from "../caller.ts";
import { type Chapter, OLD_TOOLS } from "./chapter.ts";

/** Names of what is not there, for whatever argument takes one. */
const NONSENSE = Object.fromEntries(
  ["name", "config_name", "dataset_name", "dataset_path", "model_name", "job_id", "trash_id"].map((key) => [
    key,
    "gone",
  ]),
);

export const mcpResults: Chapter = (subject) => {
  test("tools are described for models: title, all four hints, both schemas", async () => {
    const { result } = await subject().rpc("tools/list");
    // Tools that answer with pictures have no output schema.
    const old = (result as { tools: Json[] }).tools.filter(({ name }) => OLD_TOOLS.includes(String(name)));
    expect(old).toHaveLength(OLD_TOOLS.length);
    for (const each of old) {
      expect(each, String(each["name"])).toMatchObject({
        title: expect.any(String),
        description: expect.any(String),
        inputSchema: { type: "object" },
        outputSchema: { type: "object" },
        annotations: {
          readOnlyHint: expect.any(Boolean),
          destructiveHint: expect.any(Boolean),
          idempotentHint: expect.any(Boolean),
          openWorldHint: expect.any(Boolean),
        },
      });
    }
  });

  test("the text of a result is compact, and the same as its structuredContent", async () => {
    const { result } = await subject().rpc("tools/call", { name: "list_model_presets" });
    const { content, structuredContent } = parseToolResult(result);
    expect(textOf(content)).toBe(JSON.stringify(structuredContent));
  });

  test.each(TOOLS.map(({ name }) => name))(
    "%s, called without what it needs or with nonsense, answers in both eras what it declares",
    async (name) => {
      const { rpc, modernRpc } = subject();
      for (const args of [{}, NONSENSE]) {
        const call = { name, arguments: args };
        checkResult(name, (await rpc("tools/call", call)).result);
        checkResult(name, (await modernRpc("tools/call", call, name)).result);
      }
    },
  );

  test("progress comes as a stream to a client that asks for it, and has an Accept header for it", async () => {
    const images = ["a.png", "b.png"].map((filename) => ({ filename, data: "aGVsbG8=", caption: "" }));
    const body = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name: "upload_dataset",
        arguments: { dataset_name: "progress", images },
        _meta: { progressToken: "p" },
      },
    };
    const accept = "application/json, text/event-stream";
    const { status, headers, text } = await subject().send("/mcp", { body, headers: { accept } });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toMatch(/^text\/event-stream/);
    const messages = text
      .split("\n")
      .flatMap((line) => (line.startsWith("data: {") ? [JSON.parse(line.slice(6)) as Json] : []));
    expect(
      messages.map(({ method, params }) => [method, (params as Json | undefined)?.["progress"]]),
    ).toEqual([
      ["notifications/progress", 1],
      ["notifications/progress", 2],
      [undefined, undefined],
    ]);
    expect(messages.at(-1)).toMatchObject({ id: 1, result: { isError: true } });
    expect((await subject().send("/mcp", { body })).headers.get("content-type")).toMatch(
      /^application\/json/,
    );
  });
};
