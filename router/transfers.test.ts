import { expect, test } from "vitest";
import type { ByteSocket } from "../shared/byte-socket.ts";
import { VERSIONS } from "../shared/protocol.ts";
import { Transfers } from "./transfers.ts";

const socket = (): ByteSocket => ({ send() {}, close() {}, onMessage() {}, onClose() {} });
const signal = () => new AbortController().signal;

test("an id is good for one socket of one machine, and for none once nobody waits", async () => {
  const transfers = new Transfers();
  const expected = transfers.expect("box", VERSIONS.max);
  expect([expected.id.length >= 32, transfers.machineOf(expected.id)]).toEqual([true, "box"]);
  expect(transfers.arrived("guessed", socket())).toBe(false);
  expect(transfers.arrived(expected.id, socket())).toBe(true);
  const transfer = await expected.opened(signal());
  expect(transfers.arrived(expected.id, socket())).toBe(false);
  transfer.abort("done");
  const given = transfers.expect("box", VERSIONS.max);
  given[Symbol.dispose]();
  expect(transfers.machineOf(given.id)).toBeUndefined();
});

test("a line that was opened for somebody who has left meanwhile is closed", async () => {
  const transfers = new Transfers();
  const said: unknown[] = [];
  const closing = Promise.withResolvers<void>();
  const dialled = (): ByteSocket => ({
    ...socket(),
    send: (data) => void said.push(data),
    close: () => closing.resolve(),
  });
  {
    using expected = transfers.expect("box", VERSIONS.max);
    transfers.arrived(expected.id, dialled());
  }
  await closing.promise;
  expect(said).toEqual([expect.stringContaining('"t":"abort"')]);
});

test("a machine is told how much may be under way where that is less than usual and it can be told", () => {
  const windowBytes = 2 ** 20;
  const windows = [2, 3].map((version) => new Transfers({ windowBytes }).expect("box", version).window);
  expect(windows).toEqual([undefined, windowBytes]);
  expect(new Transfers().expect("box", VERSIONS.max).window).toBeUndefined();
});

test("what goes through is counted, while it does and when it has ended", async () => {
  const transfers = new Transfers();
  const figures = () =>
    Object.fromEntries(
      transfers.metrics
        .families()
        .flatMap(({ name, samples }) =>
          samples.map(({ labels, value }) => [[name, ...Object.values(labels ?? {})].join(" "), value]),
        ),
    );
  const dial = async () => {
    const expected = transfers.expect("box", VERSIONS.max);
    let hear: (data: string | Uint8Array) => void = () => {};
    let hangUp: Parameters<ByteSocket["onClose"]>[0] = () => {};
    transfers.arrived(expected.id, {
      send() {},
      close: () => hangUp({ code: 1000, reason: "" }),
      onMessage(listener) {
        hear = listener;
      },
      onClose(listener) {
        hangUp = listener;
      },
    });
    return { transfer: await expected.opened(signal()), hear };
  };
  const { transfer: whole, hear } = await dial();
  hear(new Uint8Array(700));
  await whole.write(new Uint8Array(30));
  const { transfer: broken } = await dial();
  const counted = {
    "mcp_ai_toolkit_transfer_bytes_total down": 700,
    "mcp_ai_toolkit_transfer_bytes_total up": 30,
  };
  expect(figures()).toMatchObject({ ...counted, mcp_ai_toolkit_open_transfers: 2 });
  whole.close();
  broken.abort("the client has left");
  await Promise.all([whole.closed, broken.closed]);
  expect(figures()).toEqual({
    ...counted,
    mcp_ai_toolkit_open_transfers: 0,
    "mcp_ai_toolkit_transfers_total ok": 1,
    "mcp_ai_toolkit_transfers_total failed": 1,
  });
});

test("whoever stops waiting for a machine hears that it did not dial", async () => {
  const leaving = new AbortController();
  const expected = new Transfers().expect("box", VERSIONS.max);
  const waiting = expected.opened(leaving.signal);
  leaving.abort();
  await expect(waiting).rejects.toMatchObject({ code: "agent_offline" });
});

test("places go round in order, each machine has its own, and one given back twice counts once", async () => {
  const transfers = new Transfers({ atOnce: 2 });
  const [first, second] = [
    await transfers.turn("box", "a", signal()),
    await transfers.turn("box", "a", signal()),
  ];
  expect([transfers.isFull("box", "a"), transfers.isFull("other", "a")]).toEqual([true, false]);
  const order: string[] = [];
  const third = transfers.turn("box", "a", signal()).then((giveBack) => {
    order.push("third");
    return giveBack;
  });
  const fourth = transfers.turn("box", "a", signal()).then((giveBack) => {
    order.push("fourth");
    return giveBack;
  });
  first();
  first();
  (await third)();
  (await fourth)();
  second();
  expect([order, transfers.isFull("box", "a")]).toEqual([["third", "fourth"], false]);
});

test("one caller's transfers leave places for those of others, and its waiting ones room to wait", async () => {
  const transfers = new Transfers({ atOnce: 3, ofCallerAtOnce: 2 });
  const turn = (callerId: string) => transfers.turn("box", callerId, signal());
  const [first] = [await turn("a"), await turn("a")];
  const order: string[] = [];
  const waiting = Array.from({ length: 32 }, () => turn("a").then(() => void order.push("a")));
  await expect(turn("a")).rejects.toMatchObject({ code: "overloaded" });
  const others = await turn("b");
  const next = turn("b").then((giveBack) => {
    order.push("b");
    return giveBack;
  });
  others();
  await next;
  expect(order).toEqual(["b"]);
  first();
  await waiting[0];
  expect(order).toEqual(["b", "a"]);
  for (const each of waiting.slice(1)) each.catch(() => {});
});

test("nobody waits for ever, and who leaves takes no place", async () => {
  const transfers = new Transfers({ atOnce: 1, turnMs: 50 });
  const giveBack = await transfers.turn("box", "a", signal());
  await expect(transfers.turn("box", "a", signal())).rejects.toMatchObject({ code: "overloaded" });
  const leaving = new AbortController();
  const left = transfers.turn("box", "a", leaving.signal);
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: "overloaded" });
  giveBack();
  expect(transfers.isFull("box", "a")).toBe(false);
});
