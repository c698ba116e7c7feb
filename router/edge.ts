// A router for machines that dial in, put together: the same on Node and on Workers. What differs between the two comes in.
import type { Hono } from "hono";
import type { Log } from "../shared/log.ts";
import { type AgentDoor, agentTokens, sharedAgentToken, type TransferDoor } from "./agent-door.ts";
import { createApp } from "./app.ts";
import type { AppEnv } from "./app-env.ts";
import { Audit } from "./audit.ts";
import { type Authenticate, firstOf, ownerToken } from "./auth/authenticate.ts";
import type { AddressOf } from "./auth/door.ts";
import { issuerTokens } from "./auth/issuer.ts";
import type { OAuthOptions } from "./auth/jwt.ts";
import { Pairing } from "./auth/pairing.ts";
import { clientTokens, TokenStore } from "./auth/tokens.ts";
import { Changes } from "./changes.ts";
import { Fleet } from "./fleet.ts";
import { forwardFiles } from "./forward-files.ts";
import type { HostPolicy } from "./hosts.ts";
import type { Hub } from "./hub.ts";
import { LastAnswers } from "./last-answers.ts";
import { LinkMakers } from "./link-makers.ts";
import { MachineIds } from "./machine-ids.ts";
import { MachineRegistry } from "./machine-registry.ts";
import type { Sql } from "./sql.ts";
import { Transfers, type TransfersOptions } from "./transfers.ts";

export interface EdgeOptions {
  readonly sql: Sql;
  /** The owner's token, beside those that the store knows. */
  readonly token: string | undefined;
  /** One credential for all machines, beside those made by pairing. */
  readonly agentToken: string | undefined;
  /** Lets everybody in without a token. */
  readonly insecure: boolean;
  /** An authorization server whose tokens are taken, too. */
  readonly oauth?: OAuthOptions | undefined;
  readonly policy: HostPolicy;
  /** How a request becomes an agent of the hub. */
  readonly accept: (hub: Hub) => AgentDoor["accept"];
  /** How a request becomes the socket of one transfer; without it no files are served. */
  readonly acceptTransfer?: TransferDoor["accept"] | undefined;
  readonly transferOptions?: TransfersOptions;
  /** In front of links to files; undefined: where each request came to. */
  readonly publicUrl?: string | undefined;
  readonly addressOf?: AddressOf;
  /** Fires when this process is about to end. */
  readonly closing?: AbortSignal;
  readonly log: Log;
}

export interface Edge {
  readonly app: Hono<AppEnv>;
  readonly fleet: Fleet;
  readonly tokens: TokenStore;
  readonly machines: MachineRegistry;
  readonly answers: LastAnswers;
}

/** How long an answer of a read tool may wait to be written down. */
const FLUSH_MS = 2_000;

/** Nobody is let in without a token: behind a proxy all the world comes from loopback. */
function authenticateOf(options: EdgeOptions, tokens: TokenStore): Authenticate {
  const { token, oauth, insecure, log } = options;
  return firstOf(
    ...(token === undefined ? [] : [ownerToken(token)]),
    clientTokens(tokens),
    ...(oauth ? [issuerTokens(oauth, log)] : []),
    ...(insecure && token === undefined ? [ownerToken(undefined)] : []),
  );
}

export function createEdge(options: EdgeOptions): Edge {
  const {
    sql,
    agentToken,
    oauth,
    policy,
    accept,
    acceptTransfer,
    transferOptions,
    publicUrl,
    addressOf,
    log,
  } = options;
  const tokens = new TokenStore(sql);
  const machines = new MachineRegistry(sql);
  const later = (flush: () => void) =>
    void setTimeout(() => {
      try {
        flush();
      } catch (err) {
        log.error({ err }, "last answers could not be written");
      }
    }, FLUSH_MS);
  const answers = new LastAnswers(sql, later);
  const changes = new Changes(["tools", "resources"]);
  const fleet = new Fleet({
    machines,
    ids: new MachineIds(sql),
    changes,
    answers,
    onError: (err) => log.error({ err }, "a note could not be kept"),
    onDetach: (machine, reason) => log.warn({ machine, reason }, "machine gone"),
  });
  const auth = [agentTokens(tokens), ...(agentToken === undefined ? [] : [sharedAgentToken(agentToken)])];
  const expected = new Transfers(transferOptions);
  const linkMakers = new LinkMakers(sql);
  const transfers = acceptTransfer && { expected, accept: acceptTransfer };
  const app = createApp({
    backend: fleet,
    surface: "mcp",
    policy,
    authenticate: authenticateOf(options, tokens),
    administration: {
      tokens,
      pairing: new Pairing(sql, tokens),
      audit: new Audit(sql),
      onRevoked: () => void fleet.sweep(),
    },
    mcp: {
      store: () => sql,
      changes,
      watchJobs: () => fleet.watchJobs(),
      closing: options.closing,
    },
    oauth,
    agentDoor: { auth, accept: accept(fleet.hub), transfers },
    files: transfers && forwardFiles({ hub: fleet.hub, transfers: expected, linkMakers }),
    linkMakers,
    publicUrl,
    addressOf,
    log,
  });
  return { app, fleet, tokens, machines, answers };
}
