// MCP and REST over HTTP, with the tools of this machine.
import type { Log } from "../../shared/log.ts";
import { createAgent } from "../agent.ts";
import type { Options } from "../options.ts";
import { serveHttp } from "./http.ts";
import { localHub } from "./local-hub.ts";
import type { Running } from "./running.ts";

/** `surface` "rest" is server mode: the tools without MCP. */
export async function standalone(
  options: Options,
  log: Log,
  surface: "mcp" | "rest" = "mcp",
): Promise<Running> {
  const agent = await createAgent(options, log);
  try {
    return await serveHttp(await localHub(agent, log), surface, options, log, () => agent.close());
  } catch (error) {
    await agent.close();
    throw error;
  }
}
