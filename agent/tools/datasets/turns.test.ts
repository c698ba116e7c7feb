import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

const never = new AbortController().signal;

test("work under one key runs in the order it was asked for, other keys do not wait", async () => {
  const turns = new Turns();
  const events: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take("a", never, async () => {
    await gate.promise;
    events.push("first");
  });
  const second = turns.take("a", never, async () => void events.push("second"));
  await turns.take("b", never, async () => void events.push("other"));
  gate.resolve();
  await Promise.all([first, second]);
  expect(events).toEqual(["other", "first", "second"]);
});

test("a failure is the caller's alone, the next one runs", async () => {
  const turns = new Turns();
  const failing = turns.take("a", never, () => Promise.reject(new Error("no")));
  const next = turns.take("a", never, async () => "yes");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("yes");
});

test("who gives up waiting leaves at once, and lets nobody run ahead", async () => {
  const turns = new Turns();
  const gate = Promise.withResolvers<void>();
  const events: string[] = [];
  const first = turns.take("a", never, async () => {
    await gate.promise;
    events.push("first");
  });
  const impatient = new AbortController();
  const second = turns.take("a", impatient.signal, async () => void events.push("second"));
  const third = turns.take("a", never, async () => void events.push("third"));
  impatient.abort();
  await expect(second).rejects.toMatchObject({ name: "AbortError" });
  expect(events).toEqual([]);
  gate.resolve();
  await Promise.all([first, third]);
  expect(events).toEqual(["first", "third"]);
});
