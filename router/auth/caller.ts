// Who calls, and what the call may do.
import { SCOPES, type Scope } from "../../shared/contract.ts";

export interface Caller {
  /** Stands in the audit log: a token's id, "owner", "anyone on this machine", an issuer's subject. */
  readonly id: string;
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** Its client can ask an authorization server for more scopes, and is told so by a challenge. */
  readonly canStepUp?: boolean;
}

/** `admin` may all that `train` may, and `train` all that `read` may. */
export function may(caller: Pick<Caller, "scopes">, scope: Scope): boolean {
  return caller.scopes.some((held) => SCOPES.indexOf(held) >= SCOPES.indexOf(scope));
}

/** Serving only loopback without a token, or --insecure. */
export const ANYONE: Caller = { id: "anyone", label: "no token asked", scopes: ["admin"] };
/** Who holds the token of --token or --token-file. */
export const OWNER: Caller = { id: "owner", label: "owner's token", scopes: ["admin"] };
