// The call that is being served, for what lies too deep to be told: whose turn it is, and whether anybody still waits.
import { AsyncLocalStorage } from "node:async_hooks";
import type { CallContext } from "../shared/contract.ts";
import type { Slots } from "./files/slots.ts";

const current = new AsyncLocalStorage<CallContext>();
const NEVER = new AbortController().signal;

/** Does what a call asks for. */
export const serving = <T>(context: CallContext, work: () => T): T => current.run(context, work);

/** Does something for the present call when it is its caller's turn. Not within work that has a turn of the same slots. */
export function inTurn<T>(slots: Slots, work: () => Promise<T>): Promise<T> {
  const { signal = NEVER, request } = current.getStore() ?? {};
  return slots.run(signal, work, request?.caller);
}
