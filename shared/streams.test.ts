// Over real sockets of the `ws` package, one end ours, the other honest or hostile.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { byteSocket, type RawSocket } from "./byte-socket.ts";
import { oneUse } from "./one-use.ts";
import { CLOSE } from "./protocol.ts";
import { Transfer, TransferBroken, type TransferOptions } from "./streams.ts";

const KIB = 1024;
const PATIENCE = { timeout: 10_000 };

let server: WebSocketServer;
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
});
afterEach(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

async function sockets(): Promise<[WebSocket, WebSocket]> {
  const accepted = once(server, "connection");
  const near = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(near, "open");
  const [far] = await accepted;
  return [near, far];
}

const transferOn = (socket: WebSocket, options?: TransferOptions) =>
  new Transfer(byteSocket(socket as unknown as RawSocket), options);

async function pair(options?: TransferOptions): Promise<[Transfer, Transfer]> {
  const [near, far] = await sockets();
  return [transferOn(near, options), transferOn(far, options)];
}

/** One honest end, and a bare socket at the other. */
async function withStranger(options?: TransferOptions): Promise<[Transfer, WebSocket]> {
  const [near, far] = await sockets();
  return [transferOn(near, options), far];
}

async function read(transfer: Transfer): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await transfer.read(); chunk; chunk = await transfer.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function pattern(bytes: number): Buffer {
  return Buffer.from(Uint32Array.from({ length: bytes / 4 }, (_none, index) => index * 2_654_435_761).buffer);
}

test("one-use bytes come as they were, and are given back once they have left", async () => {
  const [a, b] = await pair();
  const bytes = pattern(256 * KIB);
  const given = oneUse(new Uint8Array(bytes));
  const came = read(b);
  await a.write(given);
  a.end();
  expect((await came).equals(bytes)).toBe(true);
  await vi.waitFor(() => expect(given.byteLength).toBe(0), PATIENCE);
});

test("bytes go both ways at once, far more than the window holds", async () => {
  const [a, b] = await pair({ windowBytes: 64 * KIB });
  const [up, down] = [pattern(3_000_000), pattern(2_000_004)];
  const send = async (end: Transfer, bytes: Buffer) => {
    await end.write(bytes);
    end.end();
  };
  const [, , atB, atA] = await Promise.all([send(a, up), send(b, down), read(b), read(a)]);
  expect(atB.equals(up)).toBe(true);
  expect(atA.equals(down)).toBe(true);
  a.close();
  await b.closed;
});

test("the head comes before the bytes, with all it says", async () => {
  const [a, b] = await pair();
  const head = { status: 206, headers: [["etag", '"x"']] as [string, string][] };
  a.sendHead(head);
  expect(await b.head).toMatchObject(head);
});

test("who does not read is sent no more than the window", async () => {
  const [a, b] = await pair({ windowBytes: 64 * KIB });
  let written = 0;
  const sending = (async () => {
    for (;;) {
      await a.write(new Uint8Array(16 * KIB));
      written += 16 * KIB;
    }
  })();
  await vi.waitFor(() => expect(written).toBe(64 * KIB), PATIENCE);
  await b.read();
  await b.read();
  await vi.waitFor(() => expect(written).toBe(96 * KIB), PATIENCE);
  b.abort("nobody wants the rest");
  await expect(sending).rejects.toThrow("nobody wants the rest");
});

test("a socket that closes before the end is a broken transfer, not a short one", async () => {
  const [a, b] = await pair();
  await a.write(pattern(4_000));
  a.close();
  await expect(read(b)).rejects.toThrow(TransferBroken);
  await expect(b.head).rejects.toThrow(TransferBroken);
  await expect(b.write(new Uint8Array(1))).rejects.toThrow(TransferBroken);
});

test("what had come whole can still be read when the socket is closed", async () => {
  const [a, b] = await pair();
  await a.write(pattern(4_000));
  a.end();
  a.close();
  await b.closed;
  expect(await read(b)).toEqual(pattern(4_000));
});

test("who gives up says why, and whoever waits hears it", async () => {
  const [a, b] = await pair();
  const failed = expect(read(b)).rejects.toThrow("the file was cut off");
  a.abort("the file was cut off");
  await failed;
  await b.closed;
});

test.each([
  ["no JSON", "{"],
  ["no frame of a transfer", '{"t":"hello"}'],
  ["negative credit", '{"t":"credit","bytes":-1}'],
  ["credit that is no whole number", '{"t":"credit","bytes":1.5}'],
  ["credit for what was not sent", '{"t":"credit","bytes":5}'],
  ["an empty frame of bytes", Buffer.alloc(0)],
  ["a frame of bytes beyond all measure", Buffer.alloc(2_000_000)],
  ["a status that is none", '{"t":"head","status":99,"headers":[]}'],
])("%s ends the transfer as a breach of the protocol", async (_what, sent) => {
  const [transfer, stranger] = await withStranger();
  const failed = expect(read(transfer)).rejects.toThrow("protocol error");
  stranger.send(sent);
  const [code] = await once(stranger, "close");
  expect(code).toBe(CLOSE.protocol_error);
  await failed;
});

test.each([
  ["large frames", 16 * KIB, 5],
  ["frames of one byte", 1, 65],
])("bytes without credit end the transfer: %s", async (_what, bytes, count) => {
  const [transfer, stranger] = await withStranger({ windowBytes: 64 * KIB });
  for (let frame = 0; frame < count; frame++) stranger.send(new Uint8Array(bytes));
  const [code, reason] = await once(stranger, "close");
  expect([code, String(reason)]).toEqual([CLOSE.protocol_error, "protocol error: more bytes than credit"]);
  await expect(read(transfer)).rejects.toThrow("more bytes than credit");
});

test("bytes after the end, and a second end, are no part of the transfer", async () => {
  for (const more of [Buffer.from("more"), '{"t":"end"}']) {
    const [, stranger] = await withStranger();
    stranger.send('{"t":"end"}');
    stranger.send(more);
    expect((await once(stranger, "close"))[0]).toBe(CLOSE.protocol_error);
  }
});

test("an end that falls silent is given up, whether bytes or credit are due", async () => {
  const [reading] = await withStranger({ idleMs: 200 });
  await expect(read(reading)).rejects.toThrow("nothing moved for 0.2 s");
  const [writing, stranger] = await withStranger({ idleMs: 200, windowBytes: 16 * KIB });
  const gone = once(stranger, "close");
  stranger.send('{"t":"end"}');
  await expect(writing.write(new Uint8Array(32 * KIB))).rejects.toThrow("nothing moved for 0.2 s");
  await gone;
});

test("an end that says that it is at work is waited for, and one that has all it needs may take its time", async () => {
  const [a, b] = await pair({ idleMs: 200 });
  a.end(); // the request; the other end works on it
  b.keepWaiting();
  const answer = read(a);
  const began = performance.now();
  await vi.waitFor(() => expect(performance.now() - began).toBeGreaterThan(900), PATIENCE);
  await b.write(pattern(4));
  b.end();
  expect(await answer).toEqual(pattern(4));
});
