// From an Authorization header to a caller. Loopback needs no token; any other address is only served with one
// (agent/options.ts sees to that).
import { ANYONE, type Caller, OWNER } from "./caller.ts";
import { digest, equal } from "./digest.ts";

/** undefined: not let in. */
export type Authenticate = (authorization: string | undefined) => Promise<Caller | undefined>;

export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}

/** Without a token everybody is let in, with all rights. */
export function ownerToken(token: string | undefined): Authenticate {
  if (token === undefined) return async () => ANYONE;
  const expected = digest(token); // only the digest is kept
  return async (authorization) => {
    const sent = bearerOf(authorization);
    return sent !== undefined && equal(await digest(sent), await expected) ? OWNER : undefined;
  };
}

/** The first that knows the caller. */
export function firstOf(...ways: readonly Authenticate[]): Authenticate {
  return async (authorization) => {
    for (const way of ways) {
      const caller = await way(authorization);
      if (caller) return caller;
    }
    return undefined;
  };
}
