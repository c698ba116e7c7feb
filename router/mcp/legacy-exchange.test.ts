import type { JSONRPCMessage } from "@modelcontextprotocol/server";
import { expect, onTestFinished, test } from "vitest";
import { LegacyExchange } from "./legacy-exchange.ts";
import { OpenExchanges } from "./open-exchanges.ts";

function exchange({ canStream = true, heartbeatMs = 60_000 } = {}) {
  const open = new OpenExchanges();
  const received: JSONRPCMessage[] = [];
  const request = { jsonrpc: "2.0", id: 7, method: "tools/call" } as const;
  const over: string[] = [];
  const onAnswered = () => void over.push("answered");
  const onGone = () => {
    over.push("gone");
    void one.close();
  };
  const one = new LegacyExchange({ request, open, canStream, onAnswered, onGone, heartbeatMs });
  one.onmessage = (message) => received.push(message);
  onTestFinished(() => one.close());
  return { one, open, received, over };
}

const news = (text = "") =>
  ({ jsonrpc: "2.0", method: "notifications/progress", params: { text } }) as JSONRPCMessage;
const question = (id: number) =>
  ({ jsonrpc: "2.0", id, method: "elicitation/create", params: {} }) as JSONRPCMessage;
const answer = { jsonrpc: "2.0", id: 7, result: { content: [] } } as JSONRPCMessage;

async function streamOf(result: unknown) {
  expect(result).toBeInstanceOf(Response);
  const reader = (result as Response).body?.pipeThrough(new TextDecoderStream()).getReader();
  return async () => (await reader?.read())?.value ?? "";
}
const dataOf = (event: string) => JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? "null") as JSONRPCMessage;

test("an answer without anything before it is plain JSON", async () => {
  const { one } = exchange();
  await one.send(answer);
  expect(await one.result).toEqual(answer);
});

test("one that is answered needs no closing, unless it has left a question open", async () => {
  const plain = exchange();
  await plain.one.send(answer);
  await plain.one.send(news());
  expect(plain.over).toEqual(["answered"]);
  expect(await plain.one.result).toEqual(answer);

  const asking = exchange();
  await asking.one.send(question(0));
  await asking.one.send(answer);
  expect(asking.over).toEqual(["gone"]);
});

test("news before it makes it a stream that ends with the answer", async () => {
  const { one } = exchange();
  await one.send(news("a"));
  const read = await streamOf(await one.result);
  await one.send(news("b"));
  await one.send(answer);
  const events = [await read(), await read(), await read(), await read()];
  expect(events.slice(0, 3).map(dataOf)).toEqual([news("a"), news("b"), answer]);
  expect(events[3]).toBe("");
});

test("a client that reads no stream gets the answer only, and cannot be asked", async () => {
  const { one } = exchange({ canStream: false });
  await one.send(news());
  await expect(one.send(question(0))).rejects.toThrow("reads no stream");
  await one.send(answer);
  expect(await one.result).toEqual(answer);
});

test("a stream on which nothing happens still says something now and then", async () => {
  const { one } = exchange({ heartbeatMs: 5 });
  await one.send(news());
  const read = await streamOf(await one.result);
  await read();
  expect(await read()).toMatch(/^: .*\n\n$/);
});

test("news that nobody reads is not piled up, and the answer still comes", async () => {
  const { one } = exchange();
  for (let sent = 0; sent < 5_000; sent++) await one.send(news("x".repeat(1_000)));
  const read = await streamOf(await one.result);
  await one.send(answer);
  const events: string[] = [];
  for (let event = await read(); event !== ""; event = await read()) events.push(event);
  expect(events.join("").length).toBeLessThan(1.2 * 1024 * 1024);
  expect(dataOf(events.at(-1) ?? "")).toEqual(answer);
});

test("a question goes out under an id that cannot be guessed, and its answer finds the way back", async () => {
  const [first, second] = [exchange(), exchange()];
  for (const { one } of [first, second]) await one.send(question(0));
  const read = await streamOf(await first.one.result);
  const asked = dataOf(await read());
  expect(asked).toEqual({ ...question(0), id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  const { id } = asked as { readonly id: string };
  second.open.answered({ jsonrpc: "2.0", id, result: {} });
  first.open.answered({ jsonrpc: "2.0", id, result: { action: "accept" } });
  first.open.answered({ jsonrpc: "2.0", id, result: { action: "decline" } });
  expect(first.received).toEqual([{ jsonrpc: "2.0", id: 0, result: { action: "accept" } }]);
  expect(second.received).toEqual([]);
});

test("a question that is taken back is named by the id that the client knows", async () => {
  const { one } = exchange();
  await one.send(question(0));
  const read = await streamOf(await one.result);
  const { id } = dataOf(await read()) as { readonly id: string };
  await one.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 0 } });
  expect(dataOf(await read())).toMatchObject({ params: { requestId: id } });
});
