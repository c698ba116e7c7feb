// Which router this machine dials, and as whom.
import { hostname } from "node:os";
import type { Command } from "commander";
import { toToolError } from "../shared/errors.ts";
import { checkMachineName, machineNameFrom } from "../shared/machine-name.ts";
import { HEARTBEAT_MS } from "../shared/protocol.ts";
import { isOpenToEavesdroppers, routerUrl } from "./link/router-url.ts";
import { type Environment, envOption, numberOf, secretOf } from "./option-values.ts";
import { UsageError } from "./usage-error.ts";

export interface LinkOptions {
  /** undefined: none was named. The `agent` mode then goes to the one it has joined. */
  readonly router: URL | undefined;
  readonly agentToken: string | undefined;
  /** undefined: the name under which it has joined, or that of the host. */
  readonly name: string | undefined;
  readonly heartbeatMs: number;
}

export interface LinkFlags {
  router?: string;
  agentTokenFile?: string;
  name?: string;
  heartbeat?: string;
}

const HEARTBEAT_SECONDS = { min: 0.1, max: 300 };

export function withLinkFlags(command: Command): Command {
  return command
    .addOption(
      envOption(
        "--router <url>",
        "MCP_AI_TOOLKIT_ROUTER",
        "dial out to this router, too, and serve it, e.g. https://train.example.org",
      ),
    )
    .addOption(
      envOption(
        "--agent-token-file <file>",
        "MCP_AI_TOOLKIT_AGENT_TOKEN_FILE, or MCP_AI_TOOLKIT_AGENT_TOKEN",
        "the credential for --router; not needed after `join`",
      ),
    )
    .addOption(
      envOption(
        "--name <name>",
        "MCP_AI_TOOLKIT_NAME",
        "what this machine is called there [default: as joined, or the host name]",
      ),
    )
    .addOption(
      envOption(
        "--heartbeat <seconds>",
        "MCP_AI_TOOLKIT_HEARTBEAT",
        `how often it tells the router that it is there [default: ${HEARTBEAT_MS / 1_000}]`,
      ),
    );
}

function routerOf(text: string, insecure: boolean): URL {
  const url = routerUrl(text);
  if (!url)
    throw new UsageError(
      `--router must be a router's address, e.g. https://train.example.org, not "${text}"`,
    );
  if (isOpenToEavesdroppers(url) && !insecure) {
    throw new UsageError(
      `--router ${text}: use https, or the token could be read on the way (--insecure allows it)`,
    );
  }
  return url;
}

function nameOf(name: string): string {
  try {
    return checkMachineName(name);
  } catch (error) {
    throw new UsageError(`--name: ${toToolError(error).message}`);
  }
}

export const ownName = () => machineNameFrom(hostname());

/** @throws UsageError */
export function linkOptions(flags: LinkFlags, env: Environment, insecure: boolean): LinkOptions {
  const router = flags.router ?? env["MCP_AI_TOOLKIT_ROUTER"];
  const name = flags.name ?? env["MCP_AI_TOOLKIT_NAME"];
  const heartbeat = flags.heartbeat ?? env["MCP_AI_TOOLKIT_HEARTBEAT"] ?? String(HEARTBEAT_MS / 1_000);
  const { min, max } = HEARTBEAT_SECONDS;
  return {
    router: router === undefined ? undefined : routerOf(router, insecure),
    agentToken: secretOf(
      { flag: "--agent-token-file", file: flags.agentTokenFile, variable: "MCP_AI_TOOLKIT_AGENT_TOKEN" },
      env,
    ),
    name: name === undefined ? undefined : nameOf(name),
    heartbeatMs: numberOf("--heartbeat", heartbeat, "seconds", min, max) * 1_000,
  };
}
