import { expect, test } from "vitest";
import { TOOLS } from "../../shared/tools/index.ts";
import { stopTraining } from "../../shared/tools/training.ts";
import { ASKED_ABOUT } from "./confirming.ts";

test("every tool that takes something away, or can replace it, is asked about", () => {
  const losing = TOOLS.filter(
    ({ effect, input }) => effect === "destroy" || Object.hasOwn(input.entries, "overwrite"),
  );
  // A stop loses the steps since the last checkpoint, and says so; nobody is to be kept from it by a question.
  const asked = losing.map(({ name }) => name).filter((name) => name !== stopTraining.name);
  expect([...ASKED_ABOUT].sort()).toEqual(asked.sort());
});
