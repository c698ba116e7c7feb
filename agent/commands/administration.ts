// The router as its owner commands it: through its database on the same machine, or through its admin routes elsewhere.
import * as v from "valibot";
import { Audit, type AuditEntry } from "../../router/audit.ts";
import type { Caller } from "../../router/auth/caller.ts";
import { Pairing } from "../../router/auth/pairing.ts";
import { type Token, TokenStore } from "../../router/auth/tokens.ts";
import { routerDatabase } from "../../router/node-data.ts";
import { openSql } from "../../router/node-sql.ts";
import type { Scope } from "../../shared/contract.ts";

export interface TokenRequest {
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds; undefined: does not expire. */
  readonly livesMs: number | undefined;
}

export interface RouterAdmin {
  create(request: TokenRequest): Promise<{ readonly token: Token; readonly secret: string }>;
  list(): Promise<readonly Token[]>;
  revoke(id: string): Promise<Token>;
  pair(): Promise<{ readonly code: string; readonly expires_at: string }>;
  /** Newest first. */
  audit(limit: number): Promise<readonly AuditEntry[]>;
  close(): void;
}

/** Whoever may read the database: the owner, or root. */
const COMMAND_LINE: Caller = { id: "command-line", label: "command line", scopes: ["admin"] };

/** The router's own database; it may run meanwhile, or be started for the first time later. */
export const localAdmin = (folder: string) => databaseAdmin(routerDatabase(folder));

/** The database of a router, or of a machine that has clients of its own. */
export function databaseAdmin(file: string): RouterAdmin {
  const sql = openSql(file);
  const tokens = new TokenStore(sql);
  const pairing = new Pairing(sql, tokens);
  const audit = new Audit(sql);
  const note = (what: string, target: string | null) => audit.add(COMMAND_LINE, what, target, "ok", 0);
  return {
    async create(request) {
      const made = await tokens.create({ kind: "client", ...request });
      note("token create", made.token.id);
      return made;
    },
    list: async () => tokens.list(),
    async revoke(id) {
      const token = tokens.revoke(id);
      note("token revoke", token.id);
      return token;
    },
    async pair() {
      const begun = await pairing.begin();
      note("router pair", null);
      return begun;
    },
    audit: async (limit) => audit.list(limit),
    close: () => sql.close(),
  };
}

const DAY_MS = 86_400_000;
const TIMEOUT_MS = 15_000;
const Problem = v.object({ error: v.string(), hint: v.optional(v.string()) });

/**
 * Asks a router and gives back its JSON.
 * @throws Error with the router's own sentence, or with what kept us from it
 */
export async function askRouter(
  origin: string,
  path: string,
  { method, token, body }: { readonly method: string; readonly token?: string; readonly body?: unknown },
): Promise<unknown> {
  const url = new URL(path, origin);
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A credential goes nowhere but to the address that was typed.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new Error(
      `${url.origin} cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer;
  const problem = v.safeParse(Problem, answer);
  if (!problem.success)
    throw new Error(`${url.origin} answered ${response.status}, and not as a router of ours does`);
  const { error, hint } = problem.output;
  throw new Error(hint ? `${error}\n${hint}` : error);
}

/** A router elsewhere, on Workers above all. Its answers have the shapes of our own routes (router/admin-routes.ts). */
export function remoteAdmin(origin: string, token: string): RouterAdmin {
  const ask = <T>(method: string, path: string, body?: unknown) =>
    askRouter(origin, path, { method, token, ...(body !== undefined && { body }) }) as Promise<T>;
  return {
    create: ({ label, scopes, livesMs }) =>
      ask("POST", "/admin/tokens", {
        label,
        scopes,
        expires_days: livesMs === undefined ? null : livesMs / DAY_MS,
      }),
    list: async () => (await ask<{ tokens: Token[] }>("GET", "/admin/tokens")).tokens,
    revoke: async (id) =>
      (await ask<{ token: Token }>("DELETE", `/admin/tokens/${encodeURIComponent(id)}`)).token,
    pair: () => ask("POST", "/admin/pairing"),
    audit: async (limit) =>
      (await ask<{ entries: AuditEntry[] }>("GET", `/admin/audit?limit=${limit}`)).entries,
    close() {},
  };
}
