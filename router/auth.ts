// Who may call. Loopback needs no token; any other address is only served with one (agent/options.ts sees to that).

const encoder = new TextEncoder();

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

/** Compares in time that does not depend on where two digests differ. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** Tells whether an Authorization header carries the token. */
export type CheckToken = (authorization: string | undefined) => Promise<boolean>;

/** Without a token everybody is let in. */
export function tokenCheck(token: string | undefined): CheckToken {
  if (token === undefined) return async () => true;
  const expected = digest(token); // only the digest is kept
  return async (authorization) => {
    const sent = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    return sent !== undefined && equal(await digest(sent), await expected);
  };
}
