// GET /agent: where machines dial in, and /agent/transfer/ID for a single file. Their credential is another one than that of clients.
import type { Context } from "hono";
import { Hono } from "hono";
import type { ByteSocket } from "../shared/byte-socket.ts";
import type { Log } from "../shared/log.ts";
import { CLOSE } from "../shared/protocol.ts";
import type { AppEnv } from "./app-env.ts";
import { bearerOf } from "./auth/authenticate.ts";
import { digest, equal } from "./auth/digest.ts";
import { type AddressOf, tooMany } from "./auth/door.ts";
import type { FailureLimit } from "./auth/failures.ts";
import type { Token, TokenStore } from "./auth/tokens.ts";
import type { Credential } from "./hub.ts";
import type { Transfers } from "./transfers.ts";

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

export const TRANSFER_PATH = "/agent/transfer/";

export interface AgentDoor {
  /** The first that knows the token counts. */
  readonly auth: readonly AgentAuth[];
  /** Turns the request into a WebSocket that becomes an agent of the hub: each runtime has its own way. */
  readonly accept: (c: Context, credential: Credential) => Promise<Response>;
  /** Where files are served. */
  readonly transfers?: TransferDoor | undefined;
}

export interface TransferDoor {
  readonly expected: Transfers;
  /** Turns the request into a WebSocket for bytes, likewise. */
  readonly accept: (c: Context, take: (socket: ByteSocket) => void) => Promise<Response>;
}

export function agentRoute(
  { auth, accept, transfers }: AgentDoor,
  failures: FailureLimit,
  addressOf: AddressOf,
  log: Log,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();

  const admitted = async (c: Context, welcome: (credential: Credential) => Promise<Response> | Response) => {
    const token = bearerOf(c.req.header("authorization"));
    for (const known of token === undefined ? [] : auth) {
      const credential = token === undefined ? undefined : await known(token);
      if (!credential) continue;
      if (c.req.header("upgrade")?.toLowerCase() === "websocket") return welcome(credential);
      const error = "Machines dial in here, by WebSocket";
      return c.json({ success: false, code: "invalid_input", error }, 426, { upgrade: "websocket" });
    }
    log.warn({ from: addressOf(c) }, "an agent without a valid token was refused");
    const waitSeconds = token === undefined ? undefined : failures.failed(addressOf(c));
    if (waitSeconds !== undefined) return tooMany(c, waitSeconds);
    const error = "The agent's token is missing, wrong or revoked";
    return c.json({ success: false, code: "unauthorized", error }, 401, { "www-authenticate": "Bearer" });
  };

  app.get("/agent", (c) => admitted(c, (credential) => accept(c, credential)));
  if (!transfers) return app;
  const { expected } = transfers;
  app.get(`${TRANSFER_PATH}:id`, (c) =>
    admitted(c, ({ name }) => {
      const id = c.req.param("id");
      const machine = expected.machineOf(id);
      // A machine whose credential has no name of its own may be any: the id alone says which one was asked.
      if (machine === undefined || (name !== undefined && name !== machine)) {
        const error = "Nobody waits for this transfer";
        return c.json({ success: false, code: "not_found", error }, 404);
      }
      return transfers.accept(c, (socket) => {
        if (!expected.arrived(id, socket)) socket.close(CLOSE.normal, "nobody waits any more");
      });
    }),
  );
  return app;
}
