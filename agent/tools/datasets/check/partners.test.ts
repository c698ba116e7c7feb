import { expect, test } from "vitest";
import { differInShape, partnersOf } from "./partners.ts";

test("a partner has the same name and an extension in lower case, in the folder itself", () => {
  const files = ["a.png", "sub/b.jpg", "c.mp4", "D.png", "e.png", "f.x.png"];
  const names = [
    "a.webp",
    "b.jpeg",
    "c.jpg",
    "d.png",
    "e.PNG",
    "f.x.jpg",
    "g.png",
    "notes.txt",
    ".h.png",
    "sub",
  ];
  expect(partnersOf(files, names)).toEqual({
    missing: ["D.png", "e.png"],
    unused: ["d.png", "e.PNG", "g.png"],
    pairs: [
      { file: "a.png", partner: "a.webp" },
      { file: "sub/b.jpg", partner: "b.jpeg" },
      { file: "c.mp4", partner: "c.jpg" },
      { file: "f.x.png", partner: "f.x.jpg" },
    ],
  });
});

test("of several the trainer takes the first extension on its list", () => {
  expect(partnersOf(["a.png"], ["a.png", "a.jpg"]).pairs).toEqual([{ file: "a.png", partner: "a.jpg" }]);
});

test.each([
  [{ width: 100, height: 50 }, { width: 1000, height: 500 }, false],
  [{ width: 100, height: 50 }, { width: 1010, height: 500 }, false],
  [{ width: 100, height: 50 }, { width: 50, height: 100 }, true],
  [{ width: 100, height: 100 }, { width: 105, height: 100 }, true],
])("%o and %o differ in shape: %s", (a, b, differ) => {
  expect(differInShape(a, b)).toBe(differ);
});
