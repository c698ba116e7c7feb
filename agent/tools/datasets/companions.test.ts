import { expect, test } from "vitest";
import { companionsOf, roleOf } from "./companions.ts";

test.each([
  ["mask", "mask"],
  ["Masks", "mask"],
  ["sub/_control", "control"],
  ["depth", "control"],
  ["masked", undefined],
  ["photos", undefined],
  ["outline", undefined],
])("the name %s says: %s", (folder, role) => {
  expect(roleOf(folder)).toBe(role);
});

test.each([
  ["cats_control", "control"],
  ["cats-masks", "mask"],
  ["CATS_control_2", "control"],
  ["control_cats", "control"],
  ["cats", undefined],
  ["cats2", undefined],
  ["catscontrol", undefined],
  ["cats_more", undefined],
  ["other_control", undefined],
])("beside the data set cats, %s is for: %s", (sibling, role) => {
  expect(companionsOf("sets/cats", [], [sibling])).toEqual(
    role ? [{ folder: `sets/${sibling}`, role, trained: false }] : [],
  );
});

test("a folder inside is trained, unless the trainer made it or there is nothing in it to train", () => {
  const folders = [
    { path: "a/_controls", media: 0 },
    { path: "control", media: 3 },
    { path: "mask", media: 0 },
    { path: "more", media: 3 },
  ];
  expect(companionsOf("cats", folders, [])).toEqual([
    { folder: "cats/a/_controls", role: "generated", trained: false },
    { folder: "cats/control", role: "control", trained: true },
  ]);
});
