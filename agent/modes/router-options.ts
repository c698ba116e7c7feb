// mcp-ai-toolkit router: flags and environment → options of a router without tools of its own.
import { Command } from "commander";
import { defaultRouterFolder } from "../../router/node-data.ts";
import { type Environment, envOption, parseFlags, secretOf } from "../option-values.ts";
import { type ServeFlags, type ServeOptions, serveOptions, withServeFlags } from "../serve-options.ts";

export const DEFAULT_ROUTER_PORT = 8080;

export interface RouterOptions extends ServeOptions {
  readonly data: string;
  /** One credential for all machines, beside those made by pairing. */
  readonly agentToken: string | undefined;
}

interface Flags extends ServeFlags {
  data?: string;
  agentTokenFile?: string;
}

export function routerCommand(): Command {
  const command = new Command("mcp-ai-toolkit router")
    .description("Serve MCP and REST in public for GPU machines that dial in: mcp-ai-toolkit agent")
    .helpOption("-h, --help");
  return withServeFlags(command, DEFAULT_ROUTER_PORT)
    .addOption(
      envOption(
        "--data <folder>",
        "MCP_AI_TOOLKIT_ROUTER_DATA",
        "router.db: tokens, machines, last answers [default: $XDG_STATE_HOME/mcp-ai-toolkit-router]",
      ),
    )
    .addOption(
      envOption(
        "--agent-token-file <file>",
        "MCP_AI_TOOLKIT_AGENT_TOKEN_FILE, or MCP_AI_TOOLKIT_AGENT_TOKEN",
        "a credential for all machines, beside those made by `router pair`",
      ),
    )
    .addHelpText(
      "after",
      `
Clients always need a token, also on loopback: a proxy in front of the router makes all of the world local.
  mcp-ai-toolkit token create --scope admin --label me     make one
  mcp-ai-toolkit router pair                               a one-time code for a GPU machine
  mcp-ai-toolkit router audit                              what was changed, and by whom
  mcp-ai-toolkit router --allow-host train.example.org     behind a proxy that has the certificate`,
    );
}

/** @throws UsageError */
export function parseRouterOptions(argv: readonly string[], env: Environment): RouterOptions {
  const flags = parseFlags<Flags>(routerCommand(), argv);
  return {
    ...serveOptions(flags, env, DEFAULT_ROUTER_PORT),
    data: flags.data ?? env["MCP_AI_TOOLKIT_ROUTER_DATA"] ?? defaultRouterFolder(env),
    agentToken: secretOf(
      { flag: "--agent-token-file", file: flags.agentTokenFile, variable: "MCP_AI_TOOLKIT_AGENT_TOKEN" },
      env,
    ),
  };
}
