import { expect, test } from "vitest";
import type { ListedTool } from "../backend.ts";
import { mcpEndpoint } from "../mcp-endpoint.ts";
import { answerText } from "./tool-list.ts";

const foreign: ListedTool = {
  name: "measure",
  description: "says “how much”",
  inputSchema: { type: "object", properties: { what: { type: "string" } } },
  outputSchema: { type: "number" } as unknown as NonNullable<ListedTool["outputSchema"]>, // as a foreign back end may have it
};
const own: ListedTool = {
  name: "look",
  title: "Look",
  description: "looks",
  inputSchema: { type: "object" },
  annotations: {
    title: "Look",
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  _meta: { "a/b": 1 },
};

async function listOf(tools: readonly ListedTool[], id: unknown): Promise<string> {
  const endpoint = mcpEndpoint({
    onError: (error) => {
      throw error;
    },
  });
  const body = { jsonrpc: "2.0", id, method: "tools/list" };
  const request = new Request("http://localhost/mcp", { method: "POST", body: JSON.stringify(body) });
  const backend = {
    tools: () => tools,
    hasTool: () => false,
    call: () => Promise.reject(new Error("not asked here")),
    health: () => Promise.reject(new Error("not asked here")),
  };
  const answer = await endpoint(request, body, { backend, id: "me" });
  if (answer instanceof Response) throw new Error("a list of the old era is no stream");
  return answer.body ?? "";
}

test("a list is the same text whether its tools were written before or not, in any order", async () => {
  const first = await listOf([own, foreign], 1);
  expect(JSON.parse(first)).toEqual({
    result: {
      tools: [
        own,
        // The old era knows objects only; the SDK puts others into one.
        {
          ...foreign,
          outputSchema: { type: "object", properties: { result: { type: "number" } }, required: ["result"] },
        },
      ],
    },
    jsonrpc: "2.0",
    id: 1,
  });
  expect(await listOf([own, foreign], 1)).toBe(first);
  expect(JSON.parse(await listOf([foreign, own], 'a"b'))).toMatchObject({
    result: { tools: [{ name: "measure" }, own] },
    id: 'a"b',
  });
  expect(JSON.parse(await listOf([{ ...own, title: "Changed" }], 1))).toMatchObject({
    result: { tools: [{ title: "Changed" }] },
  });
});

test.each([
  { result: { tools: [{ a: 1 }, { b: "ü" }] }, jsonrpc: "2.0", id: "x" },
  { result: { tools: [] }, jsonrpc: "2.0", id: 1 },
  { jsonrpc: "2.0", id: 1, result: { tools: [{ a: 1 }], nextCursor: "c" } },
  { jsonrpc: "2.0", id: null, error: { code: 1, message: "m" } },
  { result: { tools: "none" }, jsonrpc: "2.0", id: 1 },
  { result: {}, jsonrpc: "2.0", id: 1 },
])("%j is written as JSON.stringify does", (answer) => {
  expect(answerText(answer)).toBe(JSON.stringify(answer));
});
