// Over real sockets of the `ws` package.
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Closed, Link } from "./link.ts";
import { CLOSE } from "./protocol.ts";
import { websocketLink } from "./websocket-link.ts";

let server: WebSocketServer;
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
});
afterEach(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

const port = () => (server.address() as AddressInfo).port;
const closedOf = (link: Link) => new Promise<Closed>((resolve) => link.onClose(resolve));

async function pair(): Promise<{ ours: Link; theirs: WebSocket }> {
  const accepted = once(server, "connection");
  const socket = new WebSocket(`ws://127.0.0.1:${port()}`);
  await once(socket, "open");
  const [theirs] = await accepted;
  return { ours: websocketLink(socket), theirs };
}

test("messages go both ways", async () => {
  const { ours, theirs } = await pair();
  const received: string[] = [];
  ours.onMessage((text) => received.push(text));
  theirs.on("message", (data) => theirs.send(`${data}!`));
  ours.send("ä");
  await vi.waitFor(() => expect(received).toEqual(["ä!"]), 20_000);
});

test("the other end hears code and reason of a close, cut to what a close frame holds", async () => {
  const { ours, theirs } = await pair();
  const closed = closedOf(ours);
  ours.close(CLOSE.replaced, `because ${"ü".repeat(200)}`);
  ours.close(CLOSE.normal, "a second time");
  const [code, reason] = await once(theirs, "close");
  expect([code, String(reason)]).toEqual([CLOSE.replaced, `because ${"?".repeat(115)}`]);
  expect(await closed).toMatchObject({ code: CLOSE.replaced });
});

test("after a close nothing is heard any more, and what is sent is lost", async () => {
  const { ours, theirs } = await pair();
  const heard = vi.fn();
  ours.onMessage(heard);
  ours.close();
  theirs.send("late");
  ours.send("lost");
  await once(theirs, "close");
  expect(heard).not.toHaveBeenCalled();
});

test("a binary frame is none of ours", async () => {
  const { ours, theirs } = await pair();
  const closed = closedOf(ours);
  theirs.send(Buffer.from([1, 2, 3]));
  expect(await closed).toMatchObject({ code: CLOSE.protocol_error });
});

test("a connection that breaks ends the link with a reason", async () => {
  const { ours, theirs } = await pair();
  const closed = closedOf(ours);
  theirs.terminate();
  expect(await closed).toEqual({ code: 1006, reason: "connection lost (1006)" });
});

test("an end that never answers a close does not hold ours, and the connection is dropped soon", async () => {
  const accepted = once(server, "connection");
  const mute: Socket = connect(port(), "127.0.0.1");
  mute.write(
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const [socket] = await accepted;
  const link = websocketLink(socket);
  const closed = closedOf(link);
  mute.resume();
  const dropped = once(mute, "close");
  link.close(CLOSE.silent, "gone");
  expect(await closed).toEqual({ code: CLOSE.silent, reason: "gone" });
  await dropped;
});
