// Tools of the fixture that need the client, or send what the real tools never do: questions, log lines, sound.
import {
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type ContentBlock,
  createRequestStateCodec,
  type InputRequest,
  type InputRequests,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type RequestStateCodec,
  type ServerContext,
  type ServerEventBus,
  type ServerOptions,
} from "@modelcontextprotocol/server";
import type { AroundCall } from "../../router/mcp/features.ts";
import { PNG, WAV } from "./fixture-media.ts";

type Result = CallToolResult | InputRequiredResult;
type Args = Readonly<Record<string, unknown>>;
type Conversation = (args: Args, context: ServerContext, changes: ServerEventBus) => Result | Promise<Result>;

/** What the tools ask the client to bring back, signed. */
let made: RequestStateCodec<{ readonly asked: string }> | undefined;

/** Made when it is needed: a module of a Worker has no randomness. */
function codec(): RequestStateCodec<{ readonly asked: string }> {
  made ??= createRequestStateCodec({ key: crypto.getRandomValues(new Uint8Array(32)) });
  return made;
}

export const requestState: NonNullable<ServerOptions["requestState"]> = {
  verify: (state, context) => codec().verify(state, context),
};

const shows = (...content: ContentBlock[]): CallToolResult => ({ content });
const says = (text: string) => shows({ type: "text", text });

const ask = (
  message: string,
  properties: Readonly<Record<string, object>>,
  required = Object.keys(properties),
) =>
  inputRequired.elicit({
    message,
    // The suite asks for shapes that only some revisions know, so the SDK's types do not cover them all.
    requestedSchema: { type: "object", properties, required } as Parameters<
      typeof inputRequired.elicit
    >[0]["requestedSchema"],
  });
const askName = () => ask("What is your name?", { name: { type: "string" } });
const askSampling = (text: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text } }], maxTokens });

/** Asks until every question has an answer, then answers itself. `asked`: state that has to come back with them. */
async function until(
  { mcpReq }: ServerContext,
  questions: Readonly<Record<string, InputRequest>>,
  done: (answers: Readonly<Record<string, unknown>>) => Result,
  asked?: string,
): Promise<Result> {
  const answers = Object.fromEntries(
    Object.keys(questions).map((key) => [key, inputResponse(mcpReq.inputResponses, key)]),
  );
  const isAnswered = Object.values(answers).every(({ kind }) => kind !== "missing");
  const state = mcpReq.requestState<{ readonly asked: string }>();
  if (isAnswered && (asked === undefined || state?.asked === asked)) return done(answers);
  const inputRequests: InputRequests = { ...questions };
  return inputRequired({
    inputRequests,
    ...(asked !== undefined && { requestState: await codec().mint({ asked }) }),
  });
}

const heard = (what: string) => (answers: unknown) => says(`${what}: ${JSON.stringify(answers)}`);

const titled = (...titles: readonly string[]) =>
  titles.map((title, index) => ({ const: `value${index + 1}`, title }));
const OPTIONS = ["option1", "option2", "option3"];

export const CONVERSATIONS: Readonly<Record<string, Conversation>> = {
  test_audio_content: () => shows({ type: "audio", data: WAV, mimeType: "audio/wav" }),
  test_embedded_resource: () =>
    shows({
      type: "resource",
      resource: {
        uri: "test://embedded-resource",
        mimeType: "text/plain",
        text: "This is an embedded resource content.",
      },
    }),
  test_multiple_content_types: () =>
    shows(
      { type: "text", text: "Multiple content types test:" },
      { type: "image", data: PNG, mimeType: "image/png" },
      {
        type: "resource",
        resource: {
          uri: "test://mixed-content-resource",
          mimeType: "application/json",
          text: '{"test":"data","value":123}',
        },
      },
    ),
  json_schema_2020_12_tool: (args) => says(JSON.stringify(args)),

  async test_tool_with_logging(_args, { mcpReq }) {
    for (const line of ["Tool execution started", "Tool processing data", "Tool execution completed"])
      await mcpReq.log("info", line);
    return says("Three lines were logged.");
  },
  async test_logging_tool(_args, { mcpReq }) {
    await mcpReq.log("info", "This is only for clients that asked for it");
    return says("A line was logged.");
  },
  test_trigger_tool_change(_args, _context, changes) {
    changes.publish({ kind: "tools_list_changed" });
    return says("The tool list was said to have changed.");
  },
  test_trigger_prompt_change(_args, _context, changes) {
    changes.publish({ kind: "prompts_list_changed" });
    return says("The prompt list was said to have changed.");
  },

  test_sampling: ({ prompt }, context) =>
    until(context, { answer: askSampling(String(prompt), 100) }, heard("LLM response")),
  test_elicitation: ({ message }, context) =>
    until(
      context,
      {
        user: ask(String(message), {
          username: { type: "string", description: "User's response" },
          email: { type: "string", description: "User's email address" },
        }),
      },
      heard("User response"),
    ),
  test_elicitation_sep1034_defaults: (_args, context) =>
    until(
      context,
      {
        form: ask("Please fill in the form", {
          name: { type: "string", default: "John Doe" },
          age: { type: "integer", default: 30 },
          score: { type: "number", default: 95.5 },
          status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
          verified: { type: "boolean", default: true },
        }),
      },
      heard("Elicitation completed"),
    ),
  test_elicitation_sep1330_enums: (_args, context) =>
    until(
      context,
      {
        form: ask("Please choose", {
          untitledSingle: { type: "string", enum: OPTIONS },
          titledSingle: { type: "string", oneOf: titled("First Option", "Second Option", "Third Option") },
          legacyEnum: {
            type: "string",
            enum: ["opt1", "opt2", "opt3"],
            enumNames: ["Option One", "Option Two", "Option Three"],
          },
          untitledMulti: { type: "array", items: { type: "string", enum: OPTIONS } },
          titledMulti: {
            type: "array",
            items: { anyOf: titled("First Choice", "Second Choice", "Third Choice") },
          },
        }),
      },
      heard("Elicitation completed"),
    ),
  test_missing_capability: (_args, context) =>
    until(context, { answer: askSampling("Can you answer?", 100) }, heard("Answered")),
  test_streaming_elicitation: (_args, context) => until(context, { user_name: askName() }, heard("Answered")),

  test_input_required_result_elicitation: (_args, context) =>
    until(context, { user_name: askName() }, heard("Hello")),
  test_input_required_result_sampling: (_args, context) =>
    until(
      context,
      { capital_question: askSampling("What is the capital of France?", 100) },
      heard("The model said"),
    ),
  test_input_required_result_list_roots: (_args, context) =>
    until(context, { client_roots: inputRequired.listRoots() }, heard("The roots are")),
  test_input_required_result_request_state: (_args, context) =>
    until(
      context,
      { confirm: ask("Please confirm", { ok: { type: "boolean" } }) },
      () => says("state-ok"),
      "confirm",
    ),
  test_input_required_result_tampered_state: (_args, context) =>
    until(
      context,
      { confirm: ask("Please confirm", { ok: { type: "boolean" } }) },
      () => says("state-ok"),
      "confirm",
    ),
  test_input_required_result_multiple_inputs: (_args, context) =>
    until(
      context,
      {
        user_name: askName(),
        greeting: askSampling("Generate a greeting", 50),
        client_roots: inputRequired.listRoots(),
      },
      heard("All answered"),
      "all",
    ),
  test_input_required_result_multi_round: async (_args, context) => {
    const { asked } = context.mcpReq.requestState<{ readonly asked: string }>() ?? {};
    if (asked !== "step2") {
      const question = { step1: ask("Step 1: What is your name?", { name: { type: "string" } }) };
      const first = await until(context, question, heard("step 1"), "step1");
      if ("resultType" in first) return first;
    }
    const question = { step2: ask("Step 2: What is your favorite color?", { color: { type: "string" } }) };
    return until(context, question, heard("Both steps answered"), "step2");
  },
  test_input_required_result_capabilities: (_args, context) => {
    const { envelope = {} } = context.mcpReq;
    const can = (envelope as Readonly<Record<string, unknown>>)[
      CLIENT_CAPABILITIES_META_KEY
    ] as ClientCapabilities;
    return until(
      context,
      {
        ...(can.elicitation && { user_name: askName() }),
        ...(can.sampling && { greeting: askSampling("Generate a greeting", 50) }),
      },
      heard("Answered"),
    );
  },
};

export function aroundCall(changes: ServerEventBus): AroundCall {
  return async ({ name, args }, context, go) => {
    const conversation = CONVERSATIONS[name];
    return conversation ? conversation(args, context, changes) : go();
  };
}
