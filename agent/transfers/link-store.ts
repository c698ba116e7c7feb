// The links that this machine has given out. A link is signed with a key that lies in the state folder alone: what is in
// the database says what a link is for, not how to use it.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import * as v from "valibot";
import { ToolError } from "../../shared/errors.ts";
import { FILES_PATH, type LinkToken, machineTag } from "../../shared/file-links.ts";
import { CONFLICTS, DOWNLOAD_KINDS, UPLOAD_KINDS } from "../../shared/tools/transfers.ts";

const Purpose = v.variant("way", [
  v.object({
    way: v.literal("download"),
    kind: v.picklist(DOWNLOAD_KINDS),
    name: v.string(),
  }),
  v.object({
    way: v.literal("upload"),
    kind: v.picklist(UPLOAD_KINDS),
    /** The data set that it makes or adds to. */
    dataset: v.string(),
    on_conflict: v.picklist(CONFLICTS),
  }),
]);
export type Purpose = v.InferOutput<typeof Purpose>;
export type DownloadPurpose = Extract<Purpose, { way: "download" }>;
export type UploadPurpose = Extract<Purpose, { way: "upload" }>;

export interface Link {
  readonly id: string;
  readonly purpose: Purpose;
  readonly createdMs: number;
  readonly expiresMs: number;
}

const Row = v.object({
  id: v.string(),
  purpose: v.pipe(v.string(), v.parseJson(), Purpose),
  created_ms: v.number(),
  expires_ms: v.number(),
});

const ID_BYTES = 9;
const KEY_BYTES = 32;
/** 128 bits. */
const SIGNATURE_CHARS = 22;
/** Live links of one machine, and of them those of one caller: in a loop it must not fill the disk, or take all of them. */
const LINKS_MAX = 10_000;
const OF_CALLER_MAX = 1_000;

export class LinkStore implements Disposable {
  readonly #db: DatabaseSync;
  readonly #machine: string;
  readonly #now: () => number;
  readonly #key: Uint8Array;

  constructor(path: string, machineId: string, now: () => number = Date.now) {
    this.#db = new DatabaseSync(path, { timeout: 5_000 });
    chmodSync(path, 0o600);
    this.#machine = machineTag(machineId);
    this.#now = now;
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#db.exec("BEGIN IMMEDIATE");
    this.#db.exec(
      `CREATE TABLE IF NOT EXISTS signing (one INTEGER PRIMARY KEY CHECK (one = 1), key BLOB NOT NULL) STRICT;
       CREATE TABLE IF NOT EXISTS links (
         id TEXT PRIMARY KEY, purpose TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
       ) STRICT`,
    );
    const { user_version } = this.#db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (user_version === 0)
      this.#db.exec("ALTER TABLE links ADD COLUMN caller TEXT NOT NULL DEFAULT ''; PRAGMA user_version = 1");
    this.#db.exec("COMMIT");
    // Agents that share the state folder share the key: the first one makes it.
    this.#db.prepare("INSERT OR IGNORE INTO signing (one, key) VALUES (1, ?)").run(randomBytes(KEY_BYTES));
    const { key } = this.#db.prepare("SELECT key FROM signing").get() as { key: Uint8Array };
    this.#key = key;
  }

  /**
   * @param caller for whom it is made, as the router calls it
   * @returns the link, and its path with all that is needed to use it
   * @throws ToolError overloaded
   */
  create(
    purpose: Purpose,
    livesMs: number,
    caller: string | undefined,
  ): { readonly link: Link; readonly path: string } {
    const now = this.#now();
    this.#db.prepare("DELETE FROM links WHERE expires_ms <= ?").run(now);
    this.#checkRoom(caller);
    const link = {
      id: randomBytes(ID_BYTES).toString("base64url"),
      purpose,
      createdMs: now,
      expiresMs: now + livesMs,
    };
    this.#db
      .prepare("INSERT INTO links (id, purpose, created_ms, expires_ms, caller) VALUES (?, ?, ?, ?, ?)")
      .run(link.id, JSON.stringify(purpose), link.createdMs, link.expiresMs, caller ?? "");
    return { link, path: `${FILES_PATH}${this.#machine}${link.id}${this.#signatureOf(link)}` };
  }

  /** A router of protocol version 1 names no callers. */
  #checkRoom(caller: string | undefined): void {
    const { total, own } = this.#db
      .prepare("SELECT count(*) AS total, count(*) FILTER (WHERE caller = ?) AS own FROM links")
      .get(caller ?? "") as { total: number; own: number };
    const isOwn = caller !== undefined && own >= OF_CALLER_MAX;
    if (!isOwn && total < LINKS_MAX) return;
    throw new ToolError(
      "overloaded",
      isOwn ? `You have ${own} links already` : `There are ${total} links already`,
      {
        hint: "They end by themselves when they expire; revoke_link ends those that nobody needs",
      },
    );
  }

  /** The live link that this is; undefined when it is wrong, expired or revoked. */
  find({ machine, id, signature }: LinkToken): Link | undefined {
    if (machine !== this.#machine) return undefined;
    const link = this.live(id);
    if (!link) return undefined;
    const expected = Buffer.from(this.#signatureOf(link));
    const sent = Buffer.from(signature);
    return sent.length === expected.length && timingSafeEqual(sent, expected) ? link : undefined;
  }

  /** The link of this id, if it still works. Staged bytes live as long as it does. */
  live(id: string): Link | undefined {
    const row = this.#db.prepare("SELECT * FROM links WHERE id = ?").get(id);
    const link = row && toLink(row);
    return link && link.expiresMs > this.#now() ? link : undefined;
  }

  /** Newest first. */
  list(): Link[] {
    const rows = this.#db
      .prepare("SELECT * FROM links WHERE expires_ms > ? ORDER BY created_ms DESC, rowid DESC")
      .all(this.#now());
    return rows.flatMap((row) => toLink(row) ?? []);
  }

  /** @throws ToolError not_found */
  revoke(id: string): void {
    const { changes } = this.#db.prepare("DELETE FROM links WHERE id = ?").run(id);
    if (changes > 0) return;
    throw new ToolError("not_found", `There is no link ${id.slice(0, 100)}`, {
      hint: "revoke_link without link_id lists those that work",
    });
  }

  /** Over all that the link allows: a row that was tampered with fits no signature. */
  #signatureOf({ id, purpose, createdMs, expiresMs }: Link): string {
    return createHmac("sha256", this.#key)
      .update(JSON.stringify([this.#machine, id, purpose, createdMs, expiresMs]))
      .digest("base64url")
      .slice(0, SIGNATURE_CHARS);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** undefined: a row of another version of this program. */
function toLink(row: unknown): Link | undefined {
  const parsed = v.safeParse(Row, row);
  if (!parsed.success) return undefined;
  const { id, purpose, created_ms, expires_ms } = parsed.output;
  return { id, purpose, createdMs: created_ms, expiresMs: expires_ms };
}
