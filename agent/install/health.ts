// Does the service answer, and is it the version that was put there?
import { setTimeout as delay } from "node:timers/promises";
import * as v from "valibot";
import type { Settings } from "./settings.ts";

const Health = v.object({ version: v.string() });

/** Where the machine itself reaches it. */
export function localUrl(settings: Settings): string {
  const host = settings["MCP_AI_TOOLKIT_HOST"] ?? "127.0.0.1";
  const port = settings["MCP_AI_TOOLKIT_PORT"] ?? "8012";
  const local = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${local.includes(":") ? `[${local}]` : local}:${port}`;
}

async function versionAt(url: string): Promise<string> {
  const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(5_000) });
  return v.parse(Health, await response.json()).version;
}

const POLL_MS = 250;

/** @throws Error with what it said last when `version` does not answer within `limitMs` */
export async function untilHealthy(url: string, version: string, limitMs: number): Promise<void> {
  const until = Date.now() + limitMs;
  for (let last = "nothing answers"; ; await delay(POLL_MS)) {
    try {
      const found = await versionAt(url);
      if (found === version) return;
      last = `version ${found} answers`;
    } catch (error) {
      const { message, cause } = error as Error;
      last = cause instanceof Error ? cause.message : message;
    }
    if (Date.now() > until) throw new Error(`${url}/health: ${last}`);
  }
}
