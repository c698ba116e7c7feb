import { expect, test, vi } from "vitest";
import { Slots } from "./slots.ts";

const never = new AbortController().signal;

test("no more is done at once than there is room for, in the order in which it came", async () => {
  const slots = new Slots(2);
  const [begun, ends]: [number[], (() => void)[]] = [[], []];
  const all = [0, 1, 2, 3].map((n) =>
    slots.run(never, async () => {
      begun.push(n);
      await new Promise<void>((resolve) => {
        ends[n] = resolve;
      });
    }),
  );
  const hasBegun = (...these: number[]) => vi.waitFor(() => expect(begun).toEqual(these), 20_000);
  await hasBegun(0, 1);
  ends[1]?.();
  await all[1];
  await hasBegun(0, 1, 2);
  ends[0]?.();
  await all[0];
  await hasBegun(0, 1, 2, 3);
  for (const end of ends) end();
  await Promise.all(all);
});

test("work that fails, and whoever leaves while it waits, keeps no room", async () => {
  const slots = new Slots(1);
  await expect(slots.run(never, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = slots.run(never, () => promise);
  const leaving = new AbortController();
  const left = slots.run(leaving.signal, async () => expect.fail("it has left"));
  const next = slots.run(never, async () => "served");
  resolve();
  leaving.abort(); // in the same moment
  await expect(left).rejects.toMatchObject({ name: "AbortError" });
  await first;
  expect(await next).toBe("served");
  await expect(slots.run(AbortSignal.abort(), async () => 1)).rejects.toMatchObject({ name: "AbortError" });
});

test("what one has asked for many times does not keep another waiting for all of it", async () => {
  const slots = new Slots(1);
  const { promise, resolve } = Promise.withResolvers<void>();
  const order: string[] = [];
  const ask = (owner: string) => slots.run(never, async () => void order.push(owner), owner);
  const first = slots.run(never, () => promise, "many");
  const all = [..."aaaabab"].map((each) => ask(each === "a" ? "many" : "few"));
  resolve();
  await first;
  await Promise.all(all);
  expect(order).toEqual(["few", "many", "few", "many", "many", "many", "many"]);
});
