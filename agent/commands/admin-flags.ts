// The flags by which every command of the owner finds the router.
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { defaultRouterFolder } from "../../router/node-data.ts";
import { UsageError } from "../usage-error.ts";
import { localAdmin, type RouterAdmin, remoteAdmin } from "./administration.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface AdminFlags {
  readonly data?: string;
  readonly router?: string;
  readonly adminTokenFile?: string;
}

export function withAdminFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--data <folder>",
        "the router's folder on this machine (env: MCP_AI_TOOLKIT_ROUTER_DATA) [default: $XDG_STATE_HOME/mcp-ai-toolkit-router]",
      ),
    )
    .addOption(
      new Option(
        "--router <url>",
        "a router elsewhere, e.g. on Workers, by its admin routes (env: MCP_AI_TOOLKIT_ROUTER_URL)",
      ),
    )
    .addOption(
      new Option(
        "--admin-token-file <file>",
        "with --router: a token with the scope admin (env: MCP_AI_TOOLKIT_ADMIN_TOKEN, or MCP_AI_TOOLKIT_ADMIN_TOKEN_FILE)",
      ),
    );
}

/** An https address; http only to this machine itself: a token would be read by everybody on the way. @throws UsageError */
export function routerOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLocal)) return url.origin;
  throw new UsageError(
    url?.protocol === "http:"
      ? `${text}: use https, or the token could be read on the way`
      : `"${text}" is no address of a router; e.g. https://train.example.org`,
  );
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`--admin-token-file cannot be read: ${(error as Error).message}`);
  }
}

/** @throws UsageError */
export function adminOf(flags: AdminFlags, env: Environment): RouterAdmin {
  const url = flags.router ?? env["MCP_AI_TOOLKIT_ROUTER_URL"];
  if (url === undefined || flags.data !== undefined) {
    return localAdmin(flags.data ?? env["MCP_AI_TOOLKIT_ROUTER_DATA"] ?? defaultRouterFolder(env));
  }
  const file = flags.adminTokenFile ?? env["MCP_AI_TOOLKIT_ADMIN_TOKEN_FILE"];
  const token = file === undefined ? env["MCP_AI_TOOLKIT_ADMIN_TOKEN"] : readSecret(file);
  if (!token) throw new UsageError("--router needs a token with the scope admin: --admin-token-file FILE");
  return remoteAdmin(routerOrigin(url), token);
}
