// The agents connected now, and the way of a call to one of them.
import * as v from "valibot";
import { parseArguments } from "../shared/arguments.ts";
import { answersWithBlocks, mcpTool } from "../shared/describe.ts";
import { ToolError } from "../shared/errors.ts";
import { Blocks } from "../shared/fields.ts";
import type { Link } from "../shared/link.ts";
import { Peer } from "../shared/peer.ts";
import { PROTOCOL_VERSION } from "../shared/protocol.ts";
import { contractOf, TOOLS } from "../shared/tools/index.ts";
import { agentHealth } from "../shared/tools/system.ts";
import type { AgentHealth, Backend, CallOptions, ListedTool, ToolAnswer } from "./backend.ts";

const NAMES = new Set<string>(TOOLS.map((tool) => tool.name));
const Output = v.record(v.string(), v.unknown());

export class Hub implements Backend {
  /** Made with the first question: the conversion to JSON Schema takes a while, once. */
  #listed: readonly ListedTool[] | undefined;
  #agent: { readonly name: string; readonly peer: Peer } | undefined;

  /** Takes in an agent; it is there once it has said hello. Resolves when it has. */
  attach(link: Link): Promise<void> {
    return new Promise((resolve, reject) => {
      const peer = new Peer(link, {
        onHello: ({ name, version }) => {
          if (version !== PROTOCOL_VERSION) {
            const reason = `the agent speaks protocol ${version}, this router ${PROTOCOL_VERSION}; update the older one`;
            peer.close(reason);
            reject(new Error(reason));
            return;
          }
          this.#agent = { name, peer };
          resolve();
        },
      });
      link.onClose((reason) => {
        if (this.#agent?.peer === peer) this.#agent = undefined;
        reject(new Error(reason));
      });
    });
  }

  tools(): readonly ListedTool[] {
    this.#listed ??= TOOLS.map(mcpTool);
    return this.#listed;
  }

  hasTool(name: string): boolean {
    return NAMES.has(name);
  }

  async call(tool: string, args: unknown, options: CallOptions): Promise<ToolAnswer> {
    const contract = contractOf(tool);
    if (!contract || !NAMES.has(tool)) throw new ToolError("not_found", `Tool '${tool}' not found`);
    parseArguments(contract, args); // a bad call needs no agent to be refused
    const output = await this.#peer().call(tool, args, options);
    if (answersWithBlocks(contract)) return { kind: "content", content: v.parse(Blocks, output).content };
    return { kind: "json", output: v.parse(Output, output) };
  }

  async health(): Promise<AgentHealth> {
    return v.parse(agentHealth.output, await this.#peer().call(agentHealth.name, {}, { timeoutMs: 5_000 }));
  }

  #peer(): Peer {
    if (!this.#agent) {
      throw new ToolError("agent_offline", "No training machine is connected", {
        hint: "Start the agent on the GPU machine: mcp-ai-toolkit",
      });
    }
    return this.#agent.peer;
  }
}
