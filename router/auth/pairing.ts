// How a machine gets its credential: the owner asks for a short code here and types it there, within minutes.
import * as v from "valibot";
import { invalid, ToolError } from "../../shared/errors.ts";
import { MachineIds } from "../machine-ids.ts";
import type { Sql } from "../sql.ts";
import { digest, equal } from "./digest.ts";
import type { TokenStore } from "./tokens.ts";

/** Without letters that look like others (Crockford's base 32): people read it aloud. 8 of 32 = 40 bits. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_CHARS = 8;
export const CODE_LIVES_MS = 10 * 60_000;
/** Wrong codes until the code is void. 5 tries at 40 bits are a chance of 5 in a million million. */
const TRIES = 5;

const MachineName = v.pipe(v.string(), v.regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/));

const Row = v.object({ hash: v.string(), expires_at: v.string(), tries_left: v.number() });

export class Pairing {
  readonly #sql: Sql;
  readonly #tokens: TokenStore;
  readonly #ids: MachineIds;
  readonly #now: () => Date;

  constructor(sql: Sql, tokens: TokenStore, now: () => Date = () => new Date()) {
    this.#sql = sql;
    this.#tokens = tokens;
    this.#ids = new MachineIds(sql);
    this.#now = now;
    // One row at most: a new code makes the one before void.
    sql.all(
      `CREATE TABLE IF NOT EXISTS pairing (
         one INTEGER PRIMARY KEY CHECK (one = 1), hash TEXT NOT NULL, expires_at TEXT NOT NULL, tries_left INTEGER NOT NULL
       ) STRICT`,
    );
  }

  /** A new code, XXXX-XXXX; one that was given out before is void with that. */
  async begin(): Promise<{ readonly code: string; readonly expires_at: string }> {
    const bytes = crypto.getRandomValues(new Uint8Array(CODE_CHARS));
    const code = [...bytes].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
    const expires = new Date(this.#now().getTime() + CODE_LIVES_MS).toISOString();
    this.#sql.all(
      "INSERT OR REPLACE INTO pairing (one, hash, expires_at, tries_left) VALUES (1, ?, ?, ?)",
      await digest(code),
      expires,
      TRIES,
    );
    return { code: `${code.slice(0, 4)}-${code.slice(4)}`, expires_at: expires };
  }

  /**
   * Exchanges the code for the credential of the machine `name`.
   * @param before the credential that the machine has had until now: it shows that this is the same one, renamed
   * @throws ToolError invalid_input for a name that cannot be one, unauthorized for any code but the present one
   */
  async join(
    code: string,
    name: string,
    before?: string,
  ): Promise<{ readonly name: string; readonly secret: string }> {
    if (!v.is(MachineName, name)) {
      throw invalid("A machine's name has 1 to 32 small letters, digits and hyphens", "E.g. --name box222");
    }
    const sent = await digest(code.toUpperCase().replaceAll(/[^0-9A-Z]/g, ""));
    const right = this.#sql.transaction(() => {
      const [row] = this.#sql.all("SELECT hash, expires_at, tries_left FROM pairing");
      if (!row) return false;
      const { hash, expires_at, tries_left } = v.parse(Row, row);
      const isRight = equal(hash, sent) && Date.parse(expires_at) > this.#now().getTime();
      if (isRight || tries_left <= 1) this.#sql.all("DELETE FROM pairing");
      else this.#sql.all("UPDATE pairing SET tries_left = tries_left - 1");
      return isRight;
    });
    if (!right) {
      throw new ToolError(
        "unauthorized",
        "This pairing code is not valid: wrong, used, or older than ten minutes",
        {
          hint: "Make a new one on the router: mcp-ai-toolkit router pair",
        },
      );
    }
    const old = before === undefined ? undefined : await this.#tokens.verify(before, "agent");
    const { token, secret } = await this.#tokens.create({ kind: "agent", label: name });
    if (old) this.#ids.inherit(old.id, token.id);
    return { name, secret };
  }
}
