// What MCP remembers where this machine serves it: a file in the state folder, opened when there is something to remember.
import { join } from "node:path";
import { type NodeSql, openSql } from "../../router/node-sql.ts";
import { type PathOptions, pathsOf } from "../paths.ts";

export interface McpStore {
  readonly open: () => NodeSql;
  close(): void;
}

export function mcpStore(options: PathOptions): McpStore {
  let sql: NodeSql | undefined;
  return {
    open() {
      sql ??= openSql(join(pathsOf(options).state, "mcp.db"));
      return sql;
    },
    close: () => sql?.close(),
  };
}
