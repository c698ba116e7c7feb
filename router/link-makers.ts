// Which token made which link to a file. A link is its own permission, and the machine that holds it knows no tokens: so
// that whoever lost a token loses what was made with it, too, links end here when their token is revoked.
import { ToolError } from "../shared/errors.ts";
import { parseLinkPath } from "../shared/file-links.ts";
import type { Sql } from "./sql.ts";

/** What identifies a link of a path; the signature need not be kept. */
function linkIn(path: string): string | undefined {
  const link = parseLinkPath(path);
  return link && link.machine + link.id;
}

export class LinkMakers {
  readonly #sql: Sql;

  /** Reads the table of TokenStore, too. */
  constructor(sql: Sql) {
    this.#sql = sql;
    sql.all(
      "CREATE TABLE IF NOT EXISTS link_makers (link TEXT PRIMARY KEY, token TEXT NOT NULL, expires_at TEXT NOT NULL) STRICT",
    );
  }

  /**
   * A caller has made a link, by a token of the store or otherwise.
   * @param expiresAt ISO 8601 UTC
   */
  note(path: string, callerId: string, expiresAt: string): void {
    this.#sql.all("DELETE FROM link_makers WHERE expires_at < ?", new Date().toISOString());
    this.#sql.all(
      "INSERT OR IGNORE INTO link_makers VALUES (?, ?, ?)",
      linkIn(path) ?? "",
      callerId,
      expiresAt,
    );
  }

  /** The id of the caller that has made this link; undefined: it was made elsewhere. */
  makerOf(path: string): string | undefined {
    const [row] = this.#sql.all("SELECT token FROM link_makers WHERE link = ?", linkIn(path) ?? "");
    return row && String(row["token"]);
  }

  /** @throws ToolError not_found when the token that made the link has been revoked */
  check(path: string): void {
    const [row] = this.#sql.all(
      "SELECT 1 FROM link_makers JOIN tokens ON id = token WHERE link = ? AND revoked_at IS NOT NULL",
      linkIn(path) ?? "",
    );
    if (!row) return;
    throw new ToolError("not_found", "This link was made with a token that has been revoked", {
      hint: "Ask who gave it to you for a new one",
    });
  }
}
