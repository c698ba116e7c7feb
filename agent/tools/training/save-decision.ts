// What to do next about a checkpoint that is wanted before a stop (ai-toolkit.md §7: the trainer never saves by itself
// when it is stopped, but takes `save_now` at the end of a step).
import type { SavedCheckpoint } from "./stop-store.ts";

export interface SaveEvidence {
  /** The trainer's process is gone. */
  readonly isOver: boolean;
  /** What the trainer says it does; undefined: its row cannot be read this moment. */
  readonly info: string | undefined;
  /** Steps done, as it says. */
  readonly step: number;
  /** Steps done when the checkpoint was asked for; null: that was not done yet. */
  readonly askedStep: number | null;
  /** The newest whole checkpoint of this run; its step is null when it does not say. */
  readonly newest: SavedCheckpoint | undefined;
}

export type SaveDecision =
  | "wait"
  | "ask"
  /** The one that is being written already will do. */
  | "take the next"
  | { readonly saved: SavedCheckpoint }
  | { readonly notSaved: string };

/** The trainer saves at the end of a step: who has gone on for so many has not, or not where we look. */
const UNHEARD_STEPS = 3;

export const isSavingInfo = (info: string) => info === "Saving model";
/** `info` texts of ai-toolkit in its training loop, between saves. */
const isTraining = (info: string) => info === "Training" || info.startsWith("Generating images");

export function decideSave({ isOver, info, step, askedStep, newest }: SaveEvidence): SaveDecision {
  const isThere = (wanted: number) => newest && (newest.step ?? Number.POSITIVE_INFINITY) >= wanted;
  if (newest && askedStep !== null && isThere(askedStep)) return { saved: newest };
  if (isOver) return { notSaved: "The run ended before a checkpoint was saved" };
  if (info === undefined) return "wait";
  if (isSavingInfo(info)) return askedStep === null ? "take the next" : "wait";
  if (askedStep !== null) {
    return step < askedStep + UNHEARD_STEPS
      ? "wait"
      : { notSaved: "The trainer went on without writing the checkpoint that it was asked for" };
  }
  if (!isTraining(info)) return { notSaved: "It had not begun to train: there was nothing to save" };
  if (newest && isThere(step)) return { saved: newest };
  return step > 0 ? "ask" : { notSaved: "No training step was completed: there was nothing to save" };
}
