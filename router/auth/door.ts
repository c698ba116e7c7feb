// The door: who comes in, and what is said to those who do not.
import type { Context, MiddlewareHandler } from "hono";
import type { Log } from "../../shared/log.ts";
import type { AppEnv } from "../app-env.ts";
import type { Backend } from "../backend.ts";
import type { Authenticate } from "./authenticate.ts";
import type { Caller } from "./caller.ts";
import type { FailureLimit } from "./failures.ts";
import type { OAuthOptions } from "./jwt.ts";
import { challenge } from "./resource-metadata.ts";

/** Where a request comes from, as well as the runtime knows: an IP address, or "unknown". */
export type AddressOf = (c: Context) => string;

export interface DoorOptions {
  readonly authenticate: Authenticate;
  /** The tools as a caller sees them. */
  readonly viewOf: (c: Context<AppEnv>, caller: Caller) => Backend;
  readonly isOpen: (path: string) => boolean;
  readonly addressOf: AddressOf;
  readonly failures: FailureLimit;
  readonly oauth: OAuthOptions | undefined;
  readonly log: Log;
}

export function door(options: DoorOptions): MiddlewareHandler<AppEnv> {
  const { authenticate, viewOf, isOpen, addressOf, failures, oauth, log } = options;
  return async (c, next) => {
    if (isOpen(c.req.path)) return next();
    const authorization = c.req.header("authorization");
    const caller = await authenticate(authorization);
    if (caller) {
      c.set("caller", caller);
      c.set("backend", viewOf(c, caller));
      await next();
      const { lacks } = c.var;
      // RFC 6750 §3. Only who can get more scopes by itself is told where.
      if (c.res.status === 403 && lacks)
        c.header(
          "www-authenticate",
          challenge(caller.canStepUp ? oauth : undefined, c, "insufficient_scope", [lacks]),
        );
      if (isStream(c.res)) c.res = whileLetIn(c.res, () => authenticate(authorization));
      return undefined;
    }
    // Without any token it is a client that asks whether it needs one: no guess.
    const waitSeconds = authorization === undefined ? undefined : failures.failed(addressOf(c));
    if (waitSeconds !== undefined) {
      log.warn({ from: addressOf(c) }, "too many wrong tokens");
      return tooMany(c, waitSeconds);
    }
    const error =
      authorization === undefined
        ? "Send Authorization: Bearer <token>"
        : "This token is not valid: wrong, expired or revoked";
    const wanted = challenge(oauth, c, authorization === undefined ? undefined : "invalid_token");
    return c.json({ success: false, code: "unauthorized", error }, 401, { "www-authenticate": wanted });
  };
}

const isStream = ({ headers, body }: Response) =>
  body !== null && headers.get("content-type")?.startsWith("text/event-stream") === true;

/** A stream may last for days, and its caller's token be revoked, or expire, on the first: nothing is told after that. */
function whileLetIn(response: Response, ask: () => ReturnType<Authenticate>): Response {
  const gate = new TransformStream<Uint8Array, Uint8Array>({
    async transform(chunk, controller) {
      // Whoever cannot be asked now (an issuer that is down) has revoked nothing.
      const isLetIn = await ask().then(
        (caller) => caller !== undefined,
        () => true,
      );
      if (isLetIn) controller.enqueue(chunk);
      else controller.terminate();
    },
  });
  return new Response(response.body?.pipeThrough(gate), response);
}

export function tooMany(c: Context, waitSeconds: number): Response {
  const error = `Too many failed attempts from your address; try again in ${waitSeconds} seconds`;
  return c.json({ success: false, code: "overloaded", error }, 429, { "retry-after": String(waitSeconds) });
}
