// Every request has an id: the client's own (`x-request-id`), or a new one. The answer says it, and so do all log lines
// of the request, here and on the machine.
import type { MiddlewareHandler } from "hono";
import { requestId } from "hono/request-id";
import type { AppEnv } from "./app-env.ts";

/** Longer ones, and any with other characters than A-Z a-z 0-9 _ - =, are replaced: they end up in logs. */
const CHARS_MAX = 100;

export const requestIds = (): readonly MiddlewareHandler<AppEnv>[] => [
  requestId({ limitLength: CHARS_MAX }),
  async (c, next) => {
    await next();
    c.header("x-request-id", c.var.requestId); // the SDK makes answers of its own, which lack what was set before
  },
];
