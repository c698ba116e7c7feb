// GET /health: what monitors and people look at first.

import { toToolError } from "../shared/errors.ts";
import { SERVER_NAME, SERVER_VERSION } from "../shared/server-info.ts";
import type { AgentHealth, Backend } from "./backend.ts";

/** `healthy` only when a training could start; the old server said so always. */
export async function healthReport(backend: Backend, mode: string | undefined, details: boolean) {
  const checks = await ask(backend);
  const status = checks.problems.length === 0 ? "healthy" : "degraded";
  return {
    status,
    server: SERVER_NAME,
    version: SERVER_VERSION,
    ...(mode && { mode }),
    // Paths and causes are for those who may call.
    ...(details && { trainer: checks.trainer, problems: checks.problems, checks }),
  };
}

async function ask(backend: Backend): Promise<AgentHealth> {
  try {
    return await backend.health();
  } catch (thrown) {
    const { message } = toToolError(thrown);
    return {
      trainer: null,
      toolkit: { found: false, path: "", version: null },
      python: { found: false, path: null },
      disk: { writable: false, free_bytes: null },
      jobs: { running: 0, queued: 0 },
      last_error: message,
      problems: [message],
    };
  }
}
