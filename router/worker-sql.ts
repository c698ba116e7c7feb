// The router's SQLite on Workers: that of its Durable Object.
import type { DurableObjectState } from "cloudflare:workers";
import type { Sql } from "./sql.ts";

export function objectSql(storage: DurableObjectState["storage"]): Sql {
  return {
    all: (statement, ...values) => storage.sql.exec(statement, ...values).toArray(),
    transaction: (work) => storage.transactionSync(work),
  };
}
