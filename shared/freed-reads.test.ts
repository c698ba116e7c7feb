// Over real sockets of the `ws` package: what it keeps of the pieces it reads is its own affair, and here is what we rely on.
import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { freeReads } from "./freed-reads.ts";

const KIB = 1024;
const PATIENCE = { timeout: 20_000 };

interface Received {
  readonly near: WebSocket;
  readonly far: WebSocket;
  readonly messages: Buffer[];
  readonly pieces: Uint8Array[];
}

async function receiving(): Promise<Received> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const accepted = once(server, "connection");
  const far = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    far.terminate();
    server.close();
  });
  const [near, { socket }] = await accepted;
  const [messages, pieces]: [Buffer[], Uint8Array[]] = [[], []];
  socket.on("data", (piece: Uint8Array) => pieces.push(piece));
  freeReads(near, socket);
  near.on("message", (data: Buffer) => messages.push(data));
  if (far.readyState !== WebSocket.OPEN) await once(far, "open");
  return { near, far, messages, pieces };
}

const random = (bytes: number) => randomFillSync(Buffer.alloc(bytes));
const sum = (all: readonly Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const bytes of all) hash.update(bytes);
  return hash.digest("hex");
};

test("pieces of large messages are given back, all but the last", async () => {
  const { far, messages, pieces } = await receiving();
  const sent = Array.from({ length: 16 }, () => random(256 * KIB));
  for (const bytes of sent) far.send(bytes);
  await vi.waitFor(() => expect(messages.length).toBe(sent.length), PATIENCE);
  expect(sum(messages)).toBe(sum(sent));
  const left = pieces.filter(({ byteLength }) => byteLength > 0);
  expect([pieces.length > 16, left.length <= 1]).toEqual([true, true]);
});

const small = [1, 40, 1_000, 20 * KIB].map(random);
const mixed = [0, 65_522, 1, 65_536, 300, 70_000, 256 * KIB, 9].map(random);
const words = ["a", "ä".repeat(70_000), "b"];
const large = [256 * KIB, 256 * KIB].map(random);

test.each<[string, (Buffer | string)[]]>([
  ["small", small],
  ["small between large", [...small, ...large]],
  ["of all sizes", mixed],
  ["text", words],
  ["text between bytes", [...words, ...mixed, ...words, ...large]],
])("messages stay what they were: %s", async (_what, once) => {
  const { far, messages } = await receiving();
  const sent = Array.from({ length: 20 }, () => once).flat();
  for (const message of sent) far.send(message);
  await vi.waitFor(() => expect(messages.length).toBe(sent.length), PATIENCE);
  expect(sum(messages)).toBe(sum(sent.map((message) => Buffer.from(message))));
});

test("a message whose end comes later, alone, stays what it was", async () => {
  const { far, messages, pieces } = await receiving();
  const [bytes = Buffer.alloc(0)] = small.slice(-1);
  far.send(bytes, { fin: false });
  await vi.waitFor(() => expect(pieces.length).toBeGreaterThan(0), PATIENCE);
  far.send(Buffer.alloc(0), { fin: true });
  for (const other of large) far.send(other);
  await vi.waitFor(() => expect(messages.length).toBe(1 + large.length), PATIENCE);
  expect(sum(messages)).toBe(sum([bytes, ...large]));
});

test("a ping stays until its pong has left", async () => {
  const { near, far, messages } = await receiving();
  const pings: Buffer[] = [];
  near.on("ping", (data) => pings.push(data));
  const sent = Array.from({ length: 8 }, (_none, index) => random(100 + index));
  for (const ping of sent) {
    far.ping(ping);
    far.send(random(256 * KIB));
  }
  await vi.waitFor(() => expect(messages.length).toBe(sent.length), PATIENCE);
  // Those that lay across two pieces were copied, and none was given back.
  expect(sum(pings)).toBe(sum(sent));
});
