// Pictures are worked on two at a time, whoever they are for: they take the threads that read files for all other calls
// (libuv has four), and each may take half a gigabyte.
import { Slots } from "../files/slots.ts";

const slots = new Slots(2);
const NEVER = new AbortController().signal;

/** Does it when it is its turn. Not to be called within such work: that would wait for itself. */
export function onPicture<T>(work: () => Promise<T>, signal: AbortSignal = NEVER): Promise<T> {
  return slots.run(signal, work);
}
