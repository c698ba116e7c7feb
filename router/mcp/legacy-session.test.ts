import { expect, test } from "vitest";
import { capabilitiesIn, newSessionId } from "./legacy-session.ts";

test.each([
  [{}, undefined],
  [{ tools: {}, experimental: { x: {} } }, undefined],
  [{ elicitation: {} }, { elicitation: { form: {} } }],
  [{ elicitation: { form: {} } }, { elicitation: { form: {} } }],
  [{ elicitation: { url: {} } }, { elicitation: { url: {} } }],
  [
    { elicitation: { form: {}, url: {} }, sampling: { tools: {} }, roots: { listChanged: true } },
    { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} },
  ],
  ["nonsense", undefined],
  [{ elicitation: "yes", sampling: null }, undefined],
])("what a client says it can do (%j) is in its session id", (said, known) => {
  expect(capabilitiesIn(newSessionId(said))).toEqual(known);
});

test.each([
  null,
  "",
  "from before the restart",
  "0c6e9a4e-9f3b-4a54-8d0c-5d3b6f0a1b2c",
  "x.esr",
  `${"a".repeat(36)}.`,
])("an id that is not ours (%j) says nothing", (id) => {
  expect(capabilitiesIn(id)).toBeUndefined();
});

test("letters of a later version are left aside", () => {
  expect(capabilitiesIn("0c6e9a4e-9f3b-4a54-8d0c-5d3b6f0a1b2c.ez")).toEqual({ elicitation: { form: {} } });
});

test("no two are the same", () => {
  expect(newSessionId({})).not.toBe(newSessionId({}));
});
