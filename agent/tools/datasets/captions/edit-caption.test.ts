import { expect, test } from "vitest";
import { type Edit, editor, excerpt } from "./edit-caption.ts";

const edit = (text: string, changes: Partial<Edit>) => {
  const { text: edited, matches } = editor({
    replace: "",
    whole_word: false,
    ignore_case: false,
    ...changes,
  })(text);
  return [edited, matches];
};

test.each<[string, string, Partial<Edit>, string, number]>([
  ["replaces every place", "a cat, a cat", { find: "cat", replace: "dog" }, "a dog, a dog", 2],
  ["takes out", "a red cat", { find: "red " }, "a cat", 1],
  ["is literal", "a.c abc (x) [y] a|b", { find: "a.c", replace: "!" }, "! abc (x) [y] a|b", 1],
  ["is literal in brackets, too", "a [x] b", { find: "[x]", replace: "(y)" }, "a (y) b", 1],
  ["knows no patterns in what it puts in", "cat", { find: "cat", replace: "$& $1 $$" }, "$& $1 $$", 1],
  ["minds the case", "Cat cat", { find: "cat", replace: "x" }, "Cat x", 1],
  ["or not", "Cat cat", { find: "CAT", replace: "x", ignore_case: true }, "x x", 2],
  [
    "finds whole words",
    "cat cats concat cat_ cat, kat",
    { find: "cat", replace: "x", whole_word: true },
    "x cats concat cat_ x, kat",
    2,
  ],
  ["in all scripts", "über überall", { find: "über", replace: "x", whole_word: true }, "x überall", 1],
  [
    "with signs at their ends",
    "c++ and c++11",
    { find: "c++", replace: "x", whole_word: true },
    "x and c++11",
    1,
  ],
  ["prepends", "a cat", { prepend: "ohwx, " }, "ohwx, a cat", 0],
  ["but not twice", "ohwx, a cat", { prepend: "ohwx, " }, "ohwx, a cat", 0],
  ["with a dash", "film-grain", { find: "-", replace: " " }, "film grain", 1],
  ["appends in front of a line break at the end", "a cat\n", { append: ", x" }, "a cat, x", 0],
  ["appends", "a cat", { append: ", film grain" }, "a cat, film grain", 0],
  ["but not twice", "a cat, film grain", { append: ", film grain" }, "a cat, film grain", 0],
  ["all of it at once", "a cat", { find: "cat", replace: "dog", prepend: "ohwx " }, "ohwx a dog", 1],
  ["finds signs beyond the first plane", "a 🐈 b", { find: "🐈", replace: "cat" }, "a cat b", 1],
  ["finds a line break", "a\nb", { find: "\n", replace: " " }, "a b", 1],
])("%s: %j with %j", (_, before, changes, after, matches) => {
  expect(edit(before, changes)).toEqual([after, matches]);
});

test("what is shown of a long change is the place where it begins", () => {
  const before = `${"a".repeat(1000)} cat ${"b".repeat(1000)}`;
  const shown = excerpt(before, before.replace("cat", "dog"));
  expect(shown.before).toContain(" cat ");
  expect(shown.after).toContain(" dog ");
  expect(shown.before.length).toBeLessThan(260);
  expect(excerpt("a cat", "a dog")).toEqual({ before: "a cat", after: "a dog" });
});
