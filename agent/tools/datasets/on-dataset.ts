// Data sets are walked two at a time, whoever it is for: one of a hundred thousand files takes half a second of this
// thread and fifty megabytes while it is walked.
import { inTurn } from "../../current-call.ts";
import { Slots } from "../../files/slots.ts";

const slots = new Slots(2);

export const onDataset = <T>(work: () => Promise<T>): Promise<T> => inTurn(slots, work);
