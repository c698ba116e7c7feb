import { expect, test } from "vitest";
import { decideSave, type SaveEvidence } from "./save-decision.ts";

const at = (step: number | null) => ({ name: `a_${step}`, step });

test.each<[string, Partial<SaveEvidence>, unknown]>([
  ["in training, it is asked", { step: 7 }, "ask"],
  ["also while it draws samples", { step: 7, info: "Generating images - 1/3" }, "ask"],
  ["with an older checkpoint, too", { step: 7, newest: at(5) }, "ask"],
  [
    "what was saved after the last step need not be saved again",
    { step: 7, newest: at(7) },
    { saved: at(7) },
  ],
  ["a save that goes on will do", { step: 7, info: "Saving model", newest: at(5) }, "take the next"],
  ["a row that cannot be read tells nothing", { info: undefined, step: 0 }, "wait"],
  ["asked, it is waited for", { step: 8, askedStep: 7, newest: at(5) }, "wait"],
  ["as long as it saves", { step: 20, askedStep: 7, info: "Saving model", newest: at(5) }, "wait"],
  ["a checkpoint from then on is the one", { step: 8, askedStep: 7, newest: at(8) }, { saved: at(8) }],
  [
    "though the optimizer is still written",
    { step: 8, askedStep: 7, info: "Saving model", newest: at(8) },
    { saved: at(8) },
  ],
  [
    "a folder that tells no step is the end of the run",
    { step: 8, askedStep: 7, newest: at(null) },
    { saved: at(null) },
  ],
  [
    "one that came out while it ended counts",
    { isOver: true, step: 8, askedStep: 7, newest: at(8) },
    { saved: at(8) },
  ],
  [
    "one from before does not",
    { isOver: true, step: 8, askedStep: 7, newest: at(5) },
    { notSaved: expect.stringContaining("ended before") },
  ],
  [
    "gone before it was asked",
    { isOver: true, step: 8, newest: at(5) },
    { notSaved: expect.stringContaining("ended before") },
  ],
  [
    "three steps on without a file",
    { step: 10, askedStep: 7 },
    { notSaved: expect.stringContaining("went on") },
  ],
  ["no step done", { step: 0 }, { notSaved: expect.stringContaining("nothing to save") }],
  [
    "loading",
    { info: "Loading model", step: 0 },
    { notSaved: expect.stringContaining("not begun to train") },
  ],
  [
    "a transformer's loading text",
    { info: "Quantizing T5" },
    { notSaved: expect.stringContaining("not begun") },
  ],
  ["not even begun", { info: "" }, { notSaved: expect.stringContaining("not begun to train") }],
])("%s", (_, given, decision) => {
  const evidence = { isOver: false, info: "Training", step: 0, askedStep: null, newest: undefined, ...given };
  expect(decideSave(evidence)).toEqual(decision);
});
