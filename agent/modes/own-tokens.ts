// Tokens that the owner of this machine made for its clients (`token create --agent-data`), where no router keeps any.
import { existsSync } from "node:fs";
import { type Authenticate, bearerOf } from "../../router/auth/authenticate.ts";
import { clientTokens, TokenStore } from "../../router/auth/tokens.ts";
import { type NodeSql, openSql } from "../../router/node-sql.ts";

export interface OwnTokens extends Disposable {
  readonly authenticate: Authenticate;
}

/** Looks for the file only when somebody brings a token: the first may be made while we run. */
export function ownTokens(file: string): OwnTokens {
  let opened: { readonly sql: NodeSql; readonly authenticate: Authenticate } | undefined;
  const open = () => {
    const sql = openSql(file);
    return { sql, authenticate: clientTokens(new TokenStore(sql)) };
  };
  return {
    async authenticate(authorization) {
      if (bearerOf(authorization) === undefined || (!opened && !existsSync(file))) return undefined;
      opened ??= open();
      return await opened.authenticate(authorization);
    },
    [Symbol.dispose]: () => opened?.sql.close(),
  };
}
