import { expect, test } from "vitest";
import { pageOf } from "./page.ts";

const LETTERS = [..."abcdefg"];
const page = (wish: object, all = LETTERS) => pageOf(all, (letter) => letter, wish);

test.each([
  [{}, "abcdefg", {}],
  [{ limit: 3 }, "abc", { next_cursor: "c", total: 7 }],
  [{ limit: 3, cursor: "c" }, "def", { next_cursor: "f", total: 7 }],
  [{ limit: 3, cursor: "f" }, "g", {}],
  [{ limit: 7 }, "abcdefg", {}],
  [{ cursor: "g" }, "", {}],
])("%j of seven letters is %s", (wish, items, more) => {
  expect(page(wish)).toEqual({ items: [...items], more });
});

test("what was added or removed before the cursor moves nothing", () => {
  expect(page({ cursor: "c", limit: 2 }, [..."0acdefg"]).items.join("")).toBe("de");
});

test("a cursor of something that is gone is refused", () => {
  expect(() => page({ cursor: "x" })).toThrow("nothing of that cursor");
});

test("without a limit a thousand come at a time", () => {
  const many = Array.from({ length: 2_500 }, (_, n) => String(n));
  const first = page({}, many);
  expect(first.items).toHaveLength(1_000);
  expect(first.more).toEqual({ next_cursor: "999", total: 2_500 });
});
