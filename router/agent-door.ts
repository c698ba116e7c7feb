// GET /agent: where machines dial in. Their credential is another one than that of clients.
import type { Context } from "hono";
import { Hono } from "hono";
import type { Log } from "../shared/log.ts";
import type { AppEnv } from "./app-env.ts";
import { bearerOf } from "./auth/authenticate.ts";
import { digest, equal } from "./auth/digest.ts";
import { type AddressOf, tooMany } from "./auth/door.ts";
import type { FailureLimit } from "./auth/failures.ts";
import type { Token, TokenStore } from "./auth/tokens.ts";
import type { Credential } from "./hub.ts";

/** Who the bearer of this token is; undefined: nobody. */
export type AgentAuth = (token: string) => Promise<Credential | undefined>;

/** One token for all machines; each chooses its name. */
export function sharedAgentToken(token: string): AgentAuth {
  const expected = digest(token); // only the digest is kept
  return async (sent) => (equal(await digest(sent), await expected) ? {} : undefined);
}

/** Credentials that were made by pairing, each for one name. */
export function agentTokens(tokens: TokenStore): AgentAuth {
  return async (sent) => {
    const token = await tokens.verify(sent, "agent");
    return token && pairedCredential(tokens, token);
  };
}

export function pairedCredential(tokens: TokenStore, { id, label }: Pick<Token, "id" | "label">): Credential {
  return { name: label, tokenId: id, isValid: async () => tokens.isLive(id) };
}

export interface AgentDoor {
  /** The first that knows the token counts. */
  readonly auth: readonly AgentAuth[];
  /** Turns the request into a WebSocket that becomes an agent of the hub: each runtime has its own way. */
  readonly accept: (c: Context, credential: Credential) => Promise<Response>;
}

export function agentRoute(
  { auth, accept }: AgentDoor,
  failures: FailureLimit,
  addressOf: AddressOf,
  log: Log,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/agent", async (c) => {
    const token = bearerOf(c.req.header("authorization"));
    for (const known of token === undefined ? [] : auth) {
      const credential = token === undefined ? undefined : await known(token);
      if (!credential) continue;
      if (c.req.header("upgrade")?.toLowerCase() === "websocket") return accept(c, credential);
      const error = "Machines dial in here, by WebSocket";
      return c.json({ success: false, code: "invalid_input", error }, 426, { upgrade: "websocket" });
    }
    log.warn({ from: addressOf(c) }, "an agent without a valid token was refused");
    const waitSeconds = token === undefined ? undefined : failures.failed(addressOf(c));
    if (waitSeconds !== undefined) return tooMany(c, waitSeconds);
    const error = "The agent's token is missing, wrong or revoked";
    return c.json({ success: false, code: "unauthorized", error }, 401, { "www-authenticate": "Bearer" });
  });
  return app;
}
