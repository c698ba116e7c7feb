// Requests for files as they come over the link, against a router that is a bare server of WebSockets.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { TRANSFER } from "../../shared/protocol.ts";
import { fileRequest } from "../../shared/tools/transfers.ts";
import type { Files } from "../transfers/files.ts";
import { FileRequests } from "./file-requests.ts";

const FILE_BYTES = 32 * TRANSFER.chunkBytes;
const closes: (() => void)[] = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

/** @returns the router's end of the socket that is dialled for a large file */
async function asked(window?: number): Promise<WebSocket> {
  const router = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(router, "listening");
  const requests = new FileRequests({
    files: async () => ({ handle: async () => new Response(new Uint8Array(FILE_BYTES)) }) as unknown as Files,
    url: new URL(`ws://127.0.0.1:${(router.address() as AddressInfo).port}/agent`),
    token: "token",
    onBug: (error) => expect.fail(String(error)),
  });
  closes.push(
    () => requests.close(),
    () => router.close(),
  );
  const serve = requests.serving(async () => expect.fail("another call"));
  const input = { method: "GET", path: "/files/x", headers: [], transfer: "x".repeat(24), window };
  const dialled = once(router, "connection");
  await serve(fileRequest.name, input, { signal: new AbortController().signal } as Parameters<
    typeof serve
  >[2]);
  const [socket] = await dialled;
  return socket;
}

test.each([
  ["the window that the request names", 2 * TRANSFER.chunkBytes],
  ["the usual one where it names none", undefined],
])("of a file no more than %s is sent without credit", async (_which, window) => {
  const socket = await asked(window);
  let came = 0;
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) came += data.length;
  });
  const usual = window ?? TRANSFER.windowBytes;
  await vi.waitFor(() => expect(came).toBe(usual), { timeout: 20_000 });
  const credit = usual / 2;
  socket.send(JSON.stringify({ t: "credit", bytes: credit }));
  await vi.waitFor(() => expect(came).toBe(usual + credit), { timeout: 20_000 });
});
