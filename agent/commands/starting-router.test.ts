import { expect, test, vi } from "vitest";
import { freePort } from "../testing/free-port.ts";
import { askRouter } from "./administration.ts";
import { onceItListens } from "./starting-router.ts";

test("who waits for a router that never comes hears in the end that it cannot be reached", async () => {
  const origin = `http://127.0.0.1:${await freePort()}`;
  const ask = vi.fn(() => askRouter(origin, "/join", { method: "POST" }));
  const onWait = vi.fn();
  await expect(onceItListens(ask, { forMs: 600, onWait })).rejects.toThrow(`${origin} cannot be reached`);
  expect(onWait).toHaveBeenCalledTimes(1);
  expect(ask.mock.calls.length).toBeGreaterThan(1);
});

test("any other failure is told at once", async () => {
  const onWait = vi.fn();
  const failing = () => Promise.reject(new Error("wrong code"));
  await expect(onceItListens(failing, { onWait })).rejects.toThrow("wrong code");
  expect(onWait).not.toHaveBeenCalled();
});
