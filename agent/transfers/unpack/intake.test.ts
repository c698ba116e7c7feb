import { expect, test } from "vitest";
import { ENTRIES_MAX, Intake } from "./intake.ts";

test("five thousand files lie in the deepest folder there may be, but not each in one of its own", () => {
  const deepest = "d/".repeat(500);
  const intake = new Intake();
  for (let count = 0; count < 5_000; count++) intake.place(`${deepest}${count}.txt`);
  expect(intake.report.files_failed).toBe(0);
  const folders = () => {
    for (let count = 0; count < 5_000; count++) intake.place(`${count}/${deepest}a.txt`);
  };
  expect(folders).toThrow(`more than ${ENTRIES_MAX} files and folders`);
});
