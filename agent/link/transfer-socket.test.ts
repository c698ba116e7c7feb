// Over a real socket: masked where they lie, large pieces must come as they were, and others must stay what they are.
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { oneUse } from "../../shared/one-use.ts";
import { dialTransfer } from "./transfer-socket.ts";

const PATIENCE = { timeout: 20_000 };

async function dialled() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const accepted = once(server, "connection");
  const { socket, opened } = dialTransfer(
    `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    "token",
  );
  const [far]: WebSocket[] = await accepted;
  if (!far) throw new Error("nobody dialled");
  await opened;
  onTestFinished(() => {
    far.terminate();
    server.close();
  });
  const came: string[] = [];
  far.on("message", (data: Buffer, isBinary) => came.push(isBinary ? data.toString("hex") : `${data}`));
  return { socket, far, came };
}

test("bytes and text come as they were sent, in their order; one-use bytes are given back, others untouched", async () => {
  const { socket, came } = await dialled();
  const fresh = () => randomFillSync(new Uint8Array(256 * 1024));
  const [given, kept, alsoGiven] = [oneUse(fresh()), fresh(), oneUse(fresh())];
  const sent = [given, kept, alsoGiven].map((bytes) => Buffer.from(bytes).toString("hex"));
  socket.send(given);
  socket.send("between");
  socket.send(kept);
  socket.send(alsoGiven);
  await vi.waitFor(() => expect(came.length).toBe(4), PATIENCE);
  expect([came[0] === sent[0], came[1], came[2] === sent[1], came[3] === sent[2]]).toEqual([
    true,
    "between",
    true,
    true,
  ]);
  expect(Buffer.from(kept).toString("hex") === sent[1]).toBe(true);
  await vi.waitFor(() => expect([given.length, alsoGiven.length]).toEqual([0, 0]), PATIENCE);
});

test("once the line is closed, sending is no error and takes nothing", async () => {
  const { socket } = await dialled();
  const bytes = oneUse(new Uint8Array(64));
  socket.close();
  socket.send(bytes);
  expect([...bytes]).toEqual(Array.from({ length: 64 }, () => 0));
});

test("a router that is not there is an error for people", async () => {
  const { opened } = dialTransfer("ws://127.0.0.1:1", "token");
  await expect(opened).rejects.toThrow("The machine could not dial for the file");
});
