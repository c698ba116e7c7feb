// The router's folder on Node: one database, its owner's alone.
import { homedir } from "node:os";
import { join } from "node:path";

/** Where the router keeps its state when nobody says otherwise: XDG Base Directory Specification. */
export function defaultRouterFolder(env: Readonly<Record<string, string | undefined>>): string {
  return join(env["XDG_STATE_HOME"] || join(homedir(), ".local/state"), "mcp-ai-toolkit-router");
}

/** Machines, tokens, pairing, audit log. */
export function routerDatabase(folder: string): string {
  return join(folder, "router.db");
}
