// Before something is deleted or replaced a person is asked, by clients that can.
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Json, parseToolResult } from "../testing/caller.ts";
import { environment, MAIN, type Program, startProgram } from "../testing/program.ts";
import { putDataset, putRun, type Subject, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let program: Program;
let subject: Subject;
beforeAll(async () => {
  program = await startProgram();
  subject = subjectOf(program);
});
afterAll(() => program?.close());

type Call = (name: string, args: Json) => Promise<{ readonly isError?: boolean | undefined }>;
type Answer = () => { action: "accept" | "decline" | "cancel"; content?: { confirm: boolean } };

const INFO = { name: "test", version: "1" };
const CAN = { capabilities: { elicitation: { form: {} } } };

const stdio = () => ({
  command: process.execPath,
  args: [MAIN, "--mode", "stdio"],
  env: environment({ AI_TOOLKIT_PATH: program.data, MCP_AI_TOOLKIT_TRAINER: "rehearsal" }),
  stderr: "ignore" as const,
});
const url = () => new URL(`${program.url}/mcp`);

async function v1(transport: HttpV1 | StdioV1, answer: Answer, asked: (text: string) => void): Promise<Call> {
  const client = new ClientV1(INFO, CAN);
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked(params.message);
    return answer();
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return async (name, args) => parseToolResult(await client.callTool({ name, arguments: args }));
}

async function v2(
  transport: HttpV2 | StdioV2,
  mode: "legacy" | "auto",
  answer: Answer,
  asked: (text: string) => void,
): Promise<Call> {
  const client = new ClientV2(INFO, { ...CAN, versionNegotiation: { mode } });
  client.setRequestHandler("elicitation/create", ({ params }) => {
    asked(params.message);
    return answer();
  });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return async (name, args) => client.callTool({ name, arguments: args });
}

describe.each([
  ["SDK 1, HTTP", (answer: Answer, asked: (text: string) => void) => v1(new HttpV1(url()), answer, asked)],
  [
    "SDK 1, stdio",
    (answer: Answer, asked: (text: string) => void) => v1(new StdioV1(stdio()), answer, asked),
  ],
  [
    "SDK 2 legacy, HTTP",
    (answer: Answer, asked: (text: string) => void) => v2(new HttpV2(url()), "legacy", answer, asked),
  ],
  [
    "SDK 2 auto, HTTP",
    (answer: Answer, asked: (text: string) => void) => v2(new HttpV2(url()), "auto", answer, asked),
  ],
  [
    "SDK 2 auto, stdio",
    (answer: Answer, asked: (text: string) => void) => v2(new StdioV2(stdio()), "auto", answer, asked),
  ],
])("%s", (title, connect) => {
  test("a data set is deleted when its owner agrees, and stays otherwise", async () => {
    const name = `cats ${title}`.replaceAll(/[^\w ]/g, "");
    await putDataset(subject.paths, name);
    const asked: string[] = [];
    let answer: ReturnType<Answer> = { action: "decline" };
    const call = await connect(
      () => answer,
      (text) => void asked.push(text),
    );
    const question = `Delete the data set "${name}" (4 images)? It goes to the trash and can be restored for 30 days.`;
    for (const no of [
      { action: "decline" },
      { action: "cancel" },
      { action: "accept", content: { confirm: false } },
    ] as const) {
      answer = no;
      expect(await call("delete_dataset", { name })).toMatchObject({ isError: true });
      await subject.call("get_dataset_info", { name });
    }
    answer = { action: "accept", content: { confirm: true } };
    expect((await call("delete_dataset", { name })).isError).not.toBe(true);
    expect(asked).toEqual([question, question, question, question]);
    expect(await subject.execute("get_dataset_info", { name })).toMatchObject({ success: false });
    // What is not there is not asked about.
    expect(await call("delete_dataset", { name })).toMatchObject({ isError: true });
    expect(asked).toHaveLength(4);
  });
});

const ELICITS = { elicitation: { form: {} } };
const AGREED = { confirm: { action: "accept", content: { confirm: true } } };
const deleting = (name: string, more: object = {}, can: object = ELICITS) =>
  subject.modernRpc(
    "tools/call",
    { name: "delete_config", arguments: { name }, ...more },
    "delete_config",
    can,
  );

test("a yes is good for the call that was asked about, and for no other", async () => {
  for (const name of ["one", "two"]) await putRun(subject.paths, name);
  const { result: question } = await deleting("one");
  expect(question).toMatchObject({ resultType: "input_required" });
  const requestState = question?.["requestState"];
  // Another thing, a state that was changed, and none.
  expect(await deleting("two", { inputResponses: AGREED, requestState })).toMatchObject({
    result: { resultType: "input_required" },
  });
  expect(await deleting("one", { inputResponses: AGREED, requestState: `${requestState}x` })).toMatchObject({
    error: { code: -32602 },
  });
  expect(await deleting("one", { inputResponses: AGREED })).toMatchObject({
    result: { resultType: "input_required" },
  });
  expect((await subject.call("list_configs"))["configs"]).toEqual(["one", "two"]);
  expect(await deleting("one", { inputResponses: AGREED, requestState })).toMatchObject({
    result: { resultType: "complete", structuredContent: { deleted: "one" } },
  });
  expect((await subject.call("list_configs"))["configs"]).toEqual(["two"]);
});

test("clients that cannot ask, and calls that replace nothing, go on as ever", async () => {
  await putRun(subject.paths, "plain");
  for (const can of [{}, { elicitation: { url: {} } }]) {
    await putRun(subject.paths, "plain");
    expect(await deleting("plain", {}, can)).toMatchObject({
      result: { structuredContent: { deleted: "plain" } },
    });
  }
  const create = (overwrite: boolean) =>
    subject.modernRpc(
      "tools/call",
      { name: "create_training_config", arguments: { name: "new", dataset_path: "plain", overwrite } },
      "create_training_config",
      ELICITS,
    );
  expect(await create(true)).toMatchObject({ result: { structuredContent: { replaced: false } } });
  expect(await create(false)).toMatchObject({ result: { isError: true } });
  expect(await create(true)).toMatchObject({
    result: {
      resultType: "input_required",
      inputRequests: {
        confirm: { params: { message: 'Replace the configuration "new"? What is there now is lost.' } },
      },
    },
  });
});
