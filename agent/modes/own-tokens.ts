// Tokens that the owner of this machine made for its clients (`token create --agent-data`), where no router keeps any.
import { existsSync } from "node:fs";
import { type Authenticate, bearerOf } from "../../router/auth/authenticate.ts";
import { clientTokens, TokenStore } from "../../router/auth/tokens.ts";
import { LinkMakers } from "../../router/link-makers.ts";
import { openSql } from "../../router/node-sql.ts";

export interface OwnTokens extends Disposable {
  readonly authenticate: Authenticate;
  readonly linkMakers: Pick<LinkMakers, "note" | "check">;
}

/** Looks for the file only when somebody brings a token, or a link: the first token may be made while we run. */
export function ownTokens(file: string): OwnTokens {
  const open = () => {
    const sql = openSql(file);
    return { sql, authenticate: clientTokens(new TokenStore(sql)), linkMakers: new LinkMakers(sql) };
  };
  let opened: ReturnType<typeof open> | undefined;
  const found = () => {
    if (!opened && existsSync(file)) opened = open();
    return opened;
  };
  return {
    async authenticate(authorization) {
      if (bearerOf(authorization) === undefined) return undefined;
      return await found()?.authenticate(authorization);
    },
    linkMakers: {
      note: (...link) => found()?.linkMakers.note(...link),
      check: (path) => found()?.linkMakers.check(path),
    },
    [Symbol.dispose]: () => opened?.sql.close(),
  };
}
