// Whose a machine's id is. A machine says its id itself, and links to its files, its name's last answers and its jobs go
// by it. So an id belongs to the credential that said it first: nobody else comes in with it while that one is good.
import { machineTag } from "../shared/file-links.ts";
import type { Sql } from "./sql.ts";

interface Holder {
  /** The credential's id; null: a machine whose name never had one of its own, and came by the token that all share. */
  readonly token: string | null;
  readonly name: string;
  /** null: it has not connected yet. */
  readonly machine_id: string | null;
}

/** Of a credential that was made before ids were noted, the id is the one that was said last under its name. */
const HOLDERS = `
  SELECT t.id AS token, coalesce(t.label, m.name) AS name, coalesce(i.machine_id, m.machine_id) AS machine_id
  FROM machines m FULL JOIN tokens t ON t.kind = 'agent' AND t.label = m.name LEFT JOIN machine_ids i ON i.token = t.id
  WHERE t.id IS NULL OR t.kind = 'agent' AND t.revoked_at IS NULL`;

export class MachineIds {
  readonly #sql: Sql;

  /** Reads the tables of TokenStore and MachineRegistry, too. */
  constructor(sql: Sql) {
    this.#sql = sql;
    sql.all(
      "CREATE TABLE IF NOT EXISTS machine_ids (token TEXT PRIMARY KEY, machine_id TEXT NOT NULL) STRICT",
    );
  }

  /**
   * Why a machine may not come in with this id, in the words of a close frame (123 characters); undefined: it may.
   * @param token the id of its own credential; undefined: it came by the one that all share
   */
  refusal(machineId: string, name: string, token: string | undefined): string | undefined {
    // All that routes by an id routes by its tag, so that one that only begins alike is the same.
    const tag = machineTag(machineId);
    const all = (this.#sql.all(HOLDERS) as unknown as Holder[]).filter(
      (each) => each.machine_id !== null && machineTag(each.machine_id) === tag,
    );
    const paired = all.filter((each) => each.token !== null);
    const holders = paired.length > 0 ? paired : all;
    const [holder] = holders;
    if (!holder || holders.some((each) => each.name === name || each.token === (token ?? null)))
      return undefined;
    const otherwise =
      holder.token === null ? `Join as ${holder.name}` : `On the router: token revoke ${holder.token}`;
    return `its id is ${holder.name}'s. A copy? Delete machine-id. Renamed? ${otherwise}`;
  }

  /** The machine that has come by this credential. */
  note(token: string, machineId: string): void {
    this.#sql.all("INSERT OR REPLACE INTO machine_ids (token, machine_id) VALUES (?, ?)", token, machineId);
  }

  /** A machine that showed its old credential has been given a new one, perhaps with another name. */
  inherit(from: string, to: string): void {
    this.#sql.all(
      `INSERT INTO machine_ids SELECT ?, machine_id FROM (${HOLDERS}) WHERE token = ? AND machine_id IS NOT NULL`,
      to,
      from,
    );
  }
}
