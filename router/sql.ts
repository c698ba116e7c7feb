// The little of SQL that the router needs. SQLite in a file on Node, and in the Durable Object on Workers.

export type SqlValue = string | number | null;
export type SqlRow = Readonly<Record<string, unknown>>;

export interface Sql {
  /** Runs one statement with `?` placeholders. Its rows; with RETURNING, those it changed. */
  all(statement: string, ...values: readonly SqlValue[]): readonly SqlRow[];
  /** All of it or, when `work` throws, nothing. */
  transaction<T>(work: () => T): T;
}
