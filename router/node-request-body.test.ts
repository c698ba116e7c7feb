// Over real sockets, and through the server itself: how it reads the bodies of what goes to /files/….
import { createHash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import { IncomingMessage } from "node:http";
import { connect, Socket } from "node:net";
import { Hono } from "hono";
import { expect, onTestFinished, test, vi } from "vitest";
import { FILES_PATH } from "../shared/file-links.ts";
import { free, isOneUse } from "../shared/one-use.ts";
import { TRANSFER } from "../shared/protocol.ts";
import { listen } from "./node.ts";
import type { NodeEnv } from "./node-bodies.ts";
import { bodyOf } from "./node-request-body.ts";

const MIB = 1024 * 1024;
const PATIENCE = { timeout: 20_000 };
type Take = (body: ReadableStream<Uint8Array>, incoming: IncomingMessage) => Promise<Response>;

/** A server whose files are taken by `take`, and a connection to it. */
async function connected(take: Take): Promise<{ url: string; socket: Socket }> {
  const app = new Hono();
  app.put(`${FILES_PATH}:name`, ({ req, env }) => {
    if (!req.raw.body) throw new Error("a PUT without a body");
    return take(req.raw.body, (env as unknown as NodeEnv).incoming);
  });
  const listening = await listen(app, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => listening.close(0));
  const socket = connect(listening.port, "127.0.0.1");
  socket.on("error", () => {}); // cut off while it writes
  onTestFinished(() => void socket.destroy());
  return { url: `http://127.0.0.1:${listening.port}${FILES_PATH}film`, socket };
}

const head = (length: number) =>
  `PUT ${FILES_PATH}film HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

async function text(socket: Socket): Promise<string> {
  let heard = "";
  socket.setEncoding("utf8").on("data", (piece: string) => {
    heard += piece;
  });
  await once(socket, "close");
  return heard;
}

test("a body arrives whole, in pieces that may be given back", async () => {
  const hash = createHash("sha256");
  let areAllOneUse = true;
  const { url } = await connected(async (body) => {
    for await (const piece of body) {
      areAllOneUse &&= isOneUse(piece);
      hash.update(piece);
      free(piece);
    }
    return new Response("taken");
  });
  const sent = randomFillSync(Buffer.alloc(8 * MIB));
  const answer = await fetch(url, { method: "PUT", body: sent });
  expect([await answer.text(), areAllOneUse]).toEqual(["taken", true]);
  expect(hash.digest("hex")).toBe(createHash("sha256").update(sent).digest("hex"));
});

test("what can be read at one go comes in one piece, never larger than a frame of a transfer", async () => {
  // As the server's parser fills it: how much a socket has to read at one go is the system's affair.
  const incoming = new IncomingMessage(new Socket());
  const piece = TRANSFER.chunkBytes / 4;
  for (let each = 0; each < 10; each++) incoming.push(Buffer.alloc(piece, each));
  incoming.push(null);
  const came: number[][] = [];
  for await (const bytes of bodyOf(incoming)) {
    came.push([bytes.length, bytes[0] ?? Number.NaN, bytes.at(-1) ?? Number.NaN]);
  }
  expect(came).toEqual([
    [4 * piece, 0, 3],
    [4 * piece, 4, 7],
    [2 * piece, 8, 9],
  ]);
});

test("an empty body ends", async () => {
  const { url } = await connected(async (body) => {
    const { done } = await body.getReader().read();
    return new Response(done ? "nothing came" : "something came");
  });
  expect(await (await fetch(url, { method: "PUT" })).text()).toBe("nothing came");
});

test("no more is read than was asked for", async () => {
  const read = Promise.withResolvers<IncomingMessage>();
  const { socket } = await connected(async (body, incoming) => {
    await body.getReader().read();
    read.resolve(incoming);
    return await new Promise<Response>(() => {}); // it never asks again
  });
  socket.write(head(64 * MIB));
  socket.write(Buffer.alloc(64 * MIB));
  const incoming = await read.promise;
  await vi.waitFor(() => expect(incoming.readableLength).toBeGreaterThan(0), PATIENCE);
  expect(incoming.isPaused()).toBe(true);
  expect(incoming.socket.bytesRead).toBeLessThan(MIB);
});

test("a body whose client leaves breaks, and does not end", async () => {
  const outcome = Promise.withResolvers<string>();
  const { socket } = await connected(async (body) => {
    const reader = body.getReader();
    await reader.read();
    socket.resetAndDestroy();
    for (;;) {
      const { done } = await reader.read().catch((error: Error) => ({ done: error.message }));
      if (done === false) continue;
      outcome.resolve(String(done));
      return new Response();
    }
  });
  socket.write(head(MIB));
  socket.write("the beginning");
  expect(await outcome.promise).toBe("aborted");
});

test.each<[string, Take]>([
  ["before its body is looked at", async () => new Response("too large", { status: 413 })],
  [
    "in the middle of its body",
    async (body) => {
      const reader = body.getReader();
      await reader.read();
      await reader.cancel();
      return new Response("too large", { status: 413 });
    },
  ],
  [
    "while its next bytes are awaited",
    async (body) => {
      const reader = body.getReader();
      await reader.read();
      const next = reader.read();
      await reader.cancel();
      await next;
      return new Response("too large", { status: 413 });
    },
  ],
])("who is refused %s hears it, and does not hold the connection", async (_when, take) => {
  const { socket } = await connected(take);
  socket.write(head(MIB));
  socket.write("the beginning, and never more");
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 413 [\s\S]*too large/);
});
