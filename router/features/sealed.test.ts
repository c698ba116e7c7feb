import * as v from "valibot";
import { expect, test } from "vitest";
import { seal, unseal } from "./sealed.ts";

const key = crypto.getRandomValues(new Uint8Array(32));
const by = { key, purpose: "test", caller: "me" };
const Content = v.tuple([v.string(), v.number()]);

test("what was sealed comes back, whatever letters it has", async () => {
  const text = await seal(by, ["größer 🐈", 7]);
  expect(text).toMatch(/^[\w.-]+$/); // it travels in headers
  expect(await unseal(by, Content, text)).toEqual(["größer 🐈", 7]);
});

test.each([
  ["another caller", { ...by, caller: "you" }],
  ["another purpose", { ...by, purpose: "else" }],
  ["another key", { ...by, key: new Uint8Array(32) }],
  // Neither may borrow letters from the other.
  ["a purpose and caller of the same letters", { ...by, purpose: "testm", caller: "e" }],
])("%s cannot open it", async (_who, other) => {
  expect(await unseal(other, Content, await seal(by, ["a", 1]))).toBeUndefined();
});

test("what was changed, or never sealed, is not opened", async () => {
  const text = await seal(by, ["a", 1]);
  const [body = "", signature = ""] = text.split(".");
  const [otherBody] = (await seal(by, ["b", 1])).split(".");
  for (const wrong of [`${otherBody}.${signature}`, `${body}.`, `${body}.AAAA`, body, "", "a.b", `${text}x`])
    expect(await unseal(by, Content, wrong), wrong).toBeUndefined();
});
