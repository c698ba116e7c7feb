// What the first middleware works out for all routes behind it.
import type { Scope } from "../shared/contract.ts";
import type { Caller } from "./auth/caller.ts";
import type { Backend } from "./backend.ts";

export interface AppEnv {
  Variables: {
    /** Of this request, in every log line that it leaves. */
    readonly requestId: string;
    readonly caller: Caller;
    /** The tools as this caller sees them. */
    readonly backend: Backend;
    /** The scope for lack of which the request was refused. */
    readonly lacks?: Scope | undefined;
  };
}
