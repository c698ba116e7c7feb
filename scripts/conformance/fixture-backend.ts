// The fixture's tools as a back end. Some live at the other end of a link; the others are answered by what stands around
// every call (fixture-conversations.ts) and are only listed here.
import * as v from "valibot";
import { callAgent } from "../../router/agent-call.ts";
import type { Backend, ListedTool, ToolAnswer } from "../../router/backend.ts";
import type { Hub } from "../../router/hub.ts";
import { ToolError } from "../../shared/errors.ts";
import { Blocks } from "../../shared/fields.ts";
import { AGENT_NAME, AGENT_TOOLS } from "./fixture-agent-tools.ts";
import { CONVERSATIONS } from "./fixture-conversations.ts";
import { LONG_TOOL_NAMES } from "./fixture-tasks.ts";

type InputSchema = ListedTool["inputSchema"];

const string = { type: "string" };
const takes = (...names: readonly string[]): InputSchema => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, string])),
  required: names,
});

/** What the suite wants to see again, word by word. */
const JSON_SCHEMA_2020_12: InputSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: string, city: string },
    },
  },
  properties: {
    name: string,
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: string,
    email: string,
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const INPUTS: Readonly<Record<string, InputSchema>> = {
  test_sampling: takes("prompt"),
  test_elicitation: takes("message"),
  json_schema_2020_12_tool: JSON_SCHEMA_2020_12,
};

const NAMES = [...AGENT_TOOLS, ...Object.keys(CONVERSATIONS), "greet", ...LONG_TOOL_NAMES];
const TOOLS: readonly ListedTool[] = NAMES.map((name) => ({
  name,
  description: `For the conformance suite: ${name}`,
  inputSchema: INPUTS[name] ?? { type: "object" },
}));

export class FixtureBackend implements Backend {
  readonly #hub: Hub;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  tools(): readonly ListedTool[] {
    return TOOLS;
  }

  hasTool(name: string): boolean {
    return TOOLS.some((tool) => tool.name === name);
  }

  async call(...[tool, args, options]: Parameters<Backend["call"]>): Promise<ToolAnswer> {
    const agent = this.#hub.get(AGENT_NAME);
    if (!agent) throw new ToolError("agent_offline", "The fixture's agent is not connected");
    const output = await callAgent(this.#hub, agent, tool, args, options);
    return { kind: "content", content: v.parse(Blocks, output).content };
  }

  async health(): Promise<never> {
    throw new ToolError("agent_offline", "The fixture says nothing of itself");
  }
}
