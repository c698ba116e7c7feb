// The prompts that the suite gets by name.
import {
  acceptedContent,
  type ContentBlock,
  type GetPromptResult,
  inputRequired,
  type Prompt,
} from "@modelcontextprotocol/server";
import type { Prompts } from "../../router/mcp/features.ts";
import { ToolError } from "../../shared/errors.ts";
import { PNG } from "./fixture-media.ts";

const says = (...content: ContentBlock[]): GetPromptResult => ({
  messages: content.map((block) => ({ role: "user", content: block })),
});
const text = (value: string): ContentBlock => ({ type: "text", text: value });

interface FixturePrompt {
  readonly args: readonly string[];
  readonly get: (
    args: Readonly<Record<string, string>>,
    ...rest: Parameters<Prompts["get"]>[2][]
  ) => ReturnType<Prompts["get"]> | GetPromptResult;
}

const PROMPTS: Readonly<Record<string, FixturePrompt>> = {
  test_simple_prompt: { args: [], get: () => says(text("This is a simple prompt for testing.")) },
  test_prompt_with_arguments: {
    args: ["arg1", "arg2"],
    get: ({ arg1, arg2 }) => says(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  },
  test_prompt_with_embedded_resource: {
    args: ["resourceUri"],
    get: ({ resourceUri = "" }) =>
      says(
        {
          type: "resource",
          resource: {
            uri: resourceUri,
            mimeType: "text/plain",
            text: "Embedded resource content for testing.",
          },
        },
        text("Please process the embedded resource above."),
      ),
  },
  test_prompt_with_image: {
    args: [],
    get: () =>
      says({ type: "image", data: PNG, mimeType: "image/png" }, text("Please analyze the image above.")),
  },
  test_input_required_result_prompt: {
    args: [],
    async get(_args, context) {
      const answer = acceptedContent(context?.mcpReq.inputResponses, "user_context");
      if (answer) return says(text(`Context: ${answer["context"]}`));
      return inputRequired({
        inputRequests: {
          user_context: inputRequired.elicit({
            message: "What context should the prompt use?",
            requestedSchema: {
              type: "object",
              properties: { context: { type: "string" } },
              required: ["context"],
            },
          }),
        },
      });
    },
  },
};

export const prompts: Prompts = {
  list: Object.entries(PROMPTS).map(
    ([name, { args }]): Prompt => ({
      name,
      description: `For the conformance suite: ${name}`,
      arguments: args.map((arg) => ({ name: arg, required: true })),
    }),
  ),
  async get(name, args, context) {
    const prompt = PROMPTS[name];
    if (!prompt) throw new ToolError("not_found", `Prompt not found: ${name}`);
    return prompt.get(args, context);
  },
};
