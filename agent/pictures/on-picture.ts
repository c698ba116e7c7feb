// Pictures are worked on two at a time, whoever they are for: they take the threads that read files for all other calls
// (libuv has four), and each may take half a gigabyte.
import { inTurn } from "../current-call.ts";
import { Slots } from "../files/slots.ts";

const slots = new Slots(2);

export const onPicture = <T>(work: () => Promise<T>): Promise<T> => inTurn(slots, work);
