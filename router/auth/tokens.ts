// Tokens of clients and credentials of agents: 256 random bits, shown once, kept as their SHA-256.
import * as v from "valibot";
import { SCOPES, type Scope } from "../../shared/contract.ts";
import { invalid, ToolError } from "../../shared/errors.ts";
import type { Sql, SqlRow } from "../sql.ts";
import { type Authenticate, bearerOf } from "./authenticate.ts";
import { digest, equal, hex } from "./digest.ts";

/** A client calls tools; an agent brings a machine's tools. Neither is let in where the other belongs. */
export const TOKEN_KINDS = ["client", "agent"] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

export interface Token {
  readonly id: string;
  readonly kind: TokenKind;
  /** A client's purpose ("phone"); an agent's machine name. */
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** ISO 8601 UTC, as all times here. */
  readonly created_at: string;
  /** null: does not expire. */
  readonly expires_at: string | null;
  /** To the minute. */
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

const Row = v.object({
  id: v.string(),
  kind: v.picklist(TOKEN_KINDS),
  label: v.string(),
  scopes: v.string(),
  created_at: v.string(),
  expires_at: v.nullable(v.string()),
  last_used_at: v.nullable(v.string()),
  revoked_at: v.nullable(v.string()),
});

/** Whether a text could be a token of this kind. Anybody can make one up that could. */
export function hasTokenForm(text: string, kind: TokenKind): boolean {
  return FORM.exec(text)?.[1] === PREFIX[kind];
}

/** The kind can be told from the first characters, by people and by scanners for leaked secrets. */
const PREFIX: Record<TokenKind, string> = { client: "mait", agent: "maia" };
const FORM = /^(mait|maia)_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;
const ID_BYTES = 6;
const SECRET_BYTES = 32;
/** `last_used_at` is written at most this often: a call must not cost a write. */
const USED_MS = 60_000;
const LABEL_MAX = 100;
/** Old and new credential of a machine live side by side while it is moved to the new one. */
const AGENT_TOKENS_MAX = 2;

const COLUMNS = "id, kind, label, scopes, created_at, expires_at, last_used_at, revoked_at";

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

function toToken(row: SqlRow): Token {
  const { scopes, ...token } = v.parse(Row, row);
  const held = scopes.split(",");
  return { ...token, scopes: SCOPES.filter((scope) => held.includes(scope)) };
}

export interface NewToken {
  readonly kind: TokenKind;
  readonly label: string;
  readonly scopes?: readonly Scope[];
  /** Milliseconds from now; undefined: never. */
  readonly livesMs?: number | undefined;
}

export class TokenStore {
  readonly #sql: Sql;
  readonly #now: () => Date;

  constructor(sql: Sql, now: () => Date = () => new Date()) {
    this.#sql = sql;
    this.#now = now;
    sql.all(
      `CREATE TABLE IF NOT EXISTS tokens (
         id TEXT PRIMARY KEY, kind TEXT NOT NULL, label TEXT NOT NULL, scopes TEXT NOT NULL, hash TEXT NOT NULL,
         created_at TEXT NOT NULL, expires_at TEXT, last_used_at TEXT, revoked_at TEXT
       ) STRICT`,
    );
  }

  /**
   * @returns the token's row, and the secret that is never shown again
   * @throws ToolError invalid_input
   */
  async create({
    kind,
    label,
    scopes = [],
    livesMs,
  }: NewToken): Promise<{ readonly token: Token; readonly secret: string }> {
    const name = label.trim();
    if (name === "" || name.length > LABEL_MAX) {
      throw invalid(`A token needs a label of 1 to ${LABEL_MAX} characters`, "E.g. --label phone");
    }
    if (kind === "client" && scopes.length === 0) {
      throw invalid(
        "A token needs at least one scope",
        `E.g. --scope read,train; there are ${SCOPES.join(", ")}`,
      );
    }
    const now = this.#now();
    const id = hex(randomBytes(ID_BYTES));
    const secret = `${PREFIX[kind]}_${id}_${base64url(randomBytes(SECRET_BYTES))}`;
    const hash = await digest(secret);
    const expires = livesMs === undefined ? null : new Date(now.getTime() + livesMs).toISOString();
    const token = this.#sql.transaction(() => {
      const [row] = this.#sql.all(
        `INSERT INTO tokens (id, kind, label, scopes, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
         RETURNING ${COLUMNS}`,
        id,
        kind,
        name,
        SCOPES.filter((scope) => scopes.includes(scope)).join(","),
        hash,
        now.toISOString(),
        expires,
      );
      if (kind === "agent") this.#retireOldest(name, now.toISOString());
      return toToken(row ?? {});
    });
    return { token, secret };
  }

  #retireOldest(label: string, now: string): void {
    this.#sql.all(
      `UPDATE tokens SET revoked_at = ? WHERE kind = 'agent' AND label = ? AND revoked_at IS NULL AND id NOT IN (
         SELECT id FROM tokens WHERE kind = 'agent' AND label = ? AND revoked_at IS NULL
         ORDER BY created_at DESC, rowid DESC LIMIT ?)`,
      now,
      label,
      label,
      AGENT_TOKENS_MAX,
    );
  }

  /** Newest first, revoked and expired ones too. */
  list(kind?: TokenKind): Token[] {
    return this.#sql
      .all(`SELECT ${COLUMNS} FROM tokens ORDER BY created_at DESC, rowid DESC`)
      .map(toToken)
      .filter((token) => kind === undefined || token.kind === kind);
  }

  /** @throws ToolError not_found */
  revoke(id: string): Token {
    const [row] = this.#sql.all(
      `UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? RETURNING ${COLUMNS}`,
      this.#now().toISOString(),
      id,
    );
    if (!row)
      throw new ToolError("not_found", `There is no token ${id.slice(0, 50)}`, {
        hint: "token list shows all",
      });
    return toToken(row);
  }

  /** The live token that this secret is; undefined for any other text. */
  async verify(secret: string, kind: TokenKind): Promise<Token | undefined> {
    const [, prefix, id] = FORM.exec(secret) ?? [];
    if (prefix !== PREFIX[kind] || id === undefined) return undefined;
    const sent = await digest(secret);
    const [row] = this.#sql.all(`SELECT ${COLUMNS}, hash FROM tokens WHERE id = ?`, id);
    if (!row || !equal(sent, String(row["hash"]))) return undefined;
    return this.#live(row);
  }

  /** Whether the token of this id, which was verified before, would still be let in. */
  isLive(id: string): boolean {
    const [row] = this.#sql.all(`SELECT ${COLUMNS} FROM tokens WHERE id = ?`, id);
    return row !== undefined && this.#live(row) !== undefined;
  }

  #live(row: SqlRow): Token | undefined {
    const token = toToken(row);
    const now = this.#now();
    const isLive =
      token.revoked_at === null &&
      (token.expires_at === null || Date.parse(token.expires_at) > now.getTime());
    if (!isLive) return undefined;
    this.#used(token, now);
    return token;
  }

  #used({ id, last_used_at }: Token, now: Date): void {
    if (last_used_at !== null && now.getTime() - Date.parse(last_used_at) < USED_MS) return;
    this.#sql.all("UPDATE tokens SET last_used_at = ? WHERE id = ?", now.toISOString(), id);
  }
}

/** Callers that hold a client token of this store. */
export function clientTokens(tokens: TokenStore): Authenticate {
  return async (authorization) => {
    const secret = bearerOf(authorization);
    const token = secret === undefined ? undefined : await tokens.verify(secret, "client");
    return token && { id: token.id, label: token.label, scopes: token.scopes };
  };
}
