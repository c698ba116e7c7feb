// MCP and REST here, the tools at another server (`--backend-url`), ours or the old one.
import { HttpAgent } from "../../router/http-agent.ts";
import { toToolError } from "../../shared/errors.ts";
import type { Log } from "../../shared/log.ts";
import type { Options } from "../options.ts";
import { UsageError } from "../usage-error.ts";
import { serveHttp } from "./http.ts";
import type { Running } from "./running.ts";

export async function client(options: Options, log: Log): Promise<Running> {
  const backend = new HttpAgent({ url: options.backendUrl ?? "", token: options.backendToken });
  await backend
    .health()
    .catch((error: unknown) =>
      log.warn({ error: toToolError(error).message }, "the back end is not healthy"),
    );
  try {
    await backend.refresh();
  } catch (error) {
    const { message, hint } = toToolError(error);
    throw new UsageError(
      `Internal error: Failed to fetch backend tools: ${message}${hint ? `\n${hint}` : ""}`,
      1,
    );
  }
  return serveHttp(backend, "mcp", options, log);
}
