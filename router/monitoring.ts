// What monitors ask: is it alive (/health), can it serve (/ready), and how does it do (/metrics)?
import { Hono } from "hono";
import { ToolError, toToolError } from "../shared/errors.ts";
import type { AppEnv } from "./app-env.ts";
import type { Authenticate } from "./auth/authenticate.ts";
import { may } from "./auth/caller.ts";
import type { Backend } from "./backend.ts";
import type { CallMetrics } from "./call-metrics.ts";
import { healthReport } from "./health.ts";
import { CONTENT_TYPE, exposition } from "./prometheus.ts";
import type { TransferMetrics } from "./transfer-metrics.ts";

export interface Monitored {
  readonly backend: Backend;
  readonly calls: CallMetrics;
  readonly transfers: TransferMetrics | undefined;
  readonly authenticate: Authenticate;
  /** As the old server named it in its health report. */
  readonly mode: string | undefined;
}

/** A machine that lost its line is back within seconds. */
const RETRY_SECONDS = "5";

export function monitoring({ backend, calls, transfers, authenticate, mode }: Monitored): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/health", async (c) => {
    // A token that cannot be checked now (its issuer is down) is a stranger's here.
    const caller = await authenticate(c.req.header("authorization")).catch(() => undefined);
    return c.json(await healthReport(backend, mode, caller !== undefined));
  });
  app.get("/ready", async (c) => {
    const reason = await whyNotReady(backend);
    if (reason === undefined) return c.json({ ready: true });
    return c.json({ ready: false, reason }, 503, { "retry-after": RETRY_SECONDS });
  });
  app.get("/metrics", async (c) => {
    if (!may(c.var.caller, "read")) {
      c.set("lacks", "read");
      throw new ToolError("forbidden", "This needs a token with the scope read");
    }
    const families = [
      ...calls.families(),
      ...(transfers?.families() ?? []),
      ...((await backend.metrics?.()) ?? []),
    ];
    return c.body(exposition(families), 200, { "content-type": CONTENT_TYPE });
  });
  return app;
}

/** A sentence for anybody, without names or paths; undefined: it is ready. */
async function whyNotReady(backend: Backend): Promise<string | undefined> {
  if (backend.whyNotReady) return backend.whyNotReady();
  const error = await backend.health().then(() => undefined, toToolError);
  return error && "The server that has the tools cannot be reached";
}
