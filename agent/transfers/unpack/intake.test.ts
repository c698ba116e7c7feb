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
  expect(folders).toThrow("names in it are too long");
});

test("folders count as files do", () => {
  const intake = new Intake();
  const folders = () => {
    for (let count = 0; count < 5_000; count++) intake.place(`${count}/${"d/".repeat(40)}a.txt`);
  };
  expect(folders).toThrow(`more than ${ENTRIES_MAX} files and folders`);
});

test("a hundred thousand files have names as long as a disk takes, but not all the longest path there may be", () => {
  const usual = new Intake();
  for (let count = 0; count < 100_000; count++) usual.place(`${"x".repeat(240)}${count}.txt`);
  expect(usual.report.files_failed).toBe(0);
  const long = `${"X".repeat(200)}/`.repeat(5);
  const intake = new Intake();
  const names = () => {
    for (let count = 0; count < 100_000; count++) intake.place(`${long}${count}.txt`);
  };
  expect(names).toThrow("names in it are too long");
});
