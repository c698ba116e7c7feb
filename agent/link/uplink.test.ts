// The dialling end, against a WebSocket server that plays a router.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { CLOSE, FRAME_BYTES_MAX, type Hello, VERSIONS } from "../../shared/protocol.ts";
import { Uplink, type UplinkOptions } from "./uplink.ts";

const PATIENCE = { timeout: 20_000, interval: 10 };

const HELLO: UplinkOptions["hello"] = {
  versions: VERSIONS,
  name: "box",
  machine_id: "m",
  instance: "i",
  agent_version: "1",
  tools: [],
  heartbeat_ms: 60_000,
};

interface Came {
  readonly hello: Hello;
  readonly socket: WebSocket;
  readonly authorization: string | undefined;
}

let server: WebSocketServer;
let came: Came[];
/** What the router does with the n-th agent that says hello. */
let receive: (socket: WebSocket, n: number) => void;
const uplinks: Uplink[] = [];

const welcome = (socket: WebSocket) =>
  socket.send(
    JSON.stringify({
      t: "welcome",
      version: 1,
      name: "box",
      router_version: "1",
      limits: { frame_bytes: FRAME_BYTES_MAX, open_calls: 10 },
    }),
  );

beforeEach(async () => {
  came = [];
  receive = welcome;
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket, { headers: { authorization } }) => {
    socket.once("message", (data) => {
      came.push({ hello: JSON.parse(String(data)) as Hello, socket, authorization });
      receive(socket, came.length);
    });
  });
  await once(server, "listening");
});
afterEach(async () => {
  await Promise.all(uplinks.splice(0).map((uplink) => uplink.close()));
  for (const socket of server.clients) socket.terminate();
  server.close();
});

function dial(options: Partial<UplinkOptions> = {}) {
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const uplink = new Uplink({
    url: new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/agent`),
    token: "secret",
    hello: HELLO,
    serve: async (tool) => ({ tool }),
    log: { debug: note, info: note, warn: note, error: note },
    random: () => 0,
    ...options,
  });
  uplinks.push(uplink);
  return { uplink, lines };
}

test("it brings its token, says hello, and serves calls once it is welcome", async () => {
  dial();
  await vi.waitFor(() => expect(came).toHaveLength(1), PATIENCE);
  const [{ hello, socket, authorization } = {} as Came] = came;
  expect(authorization).toBe("Bearer secret");
  expect(hello).toMatchObject({ t: "hello", name: "box", versions: VERSIONS, limits: { open_calls: 1024 } });
  socket.send(JSON.stringify({ t: "call", id: 1, tool: "x", timeout_ms: 1_000 }));
  const [answer] = await once(socket, "message");
  expect(JSON.parse(String(answer))).toEqual({ t: "result", id: 1, output: { tool: "x" } });
});

test("it pings, and leaves a router that does not answer", async () => {
  const { lines } = dial({ hello: { ...HELLO, heartbeat_ms: 100 } });
  await vi.waitFor(() => expect(came).toHaveLength(2), PATIENCE);
  expect(lines.join()).toContain("nothing was heard from the router for too long");
});

test.each([
  ["version", CLOSE.version, "the agent speaks protocol 1 to 1, this router 2 to 3; update the older one"],
  ["credential", CLOSE.unauthorized, "the agent's token was revoked"],
])("a router that refuses its %s for good is not tried again", async (_what, code, reason) => {
  receive = (socket) => socket.close(code, reason);
  const { uplink, lines } = dial();
  expect(await uplink.refused).toBe(reason);
  expect(lines).toEqual([expect.stringContaining(`the router refuses this machine: ${reason}`)]);
  expect(came).toHaveLength(1);
});

test("whoever took its name keeps it: it waits long, and then asks only for a free one", async () => {
  receive = (socket, n) => {
    if (n === 1) {
      welcome(socket);
      socket.close(CLOSE.replaced, "another agent has connected as box");
    } else if (n === 2) socket.close(CLOSE.name_taken, "another agent has the name box");
    else welcome(socket);
  };
  const { lines } = dial({ nameTakenMs: 50 });
  await vi.waitFor(() => expect(came).toHaveLength(3), PATIENCE);
  expect(came.map(({ hello }) => hello.if_free)).toEqual([undefined, true, true]);
  expect(lines.filter((line) => line.includes('"waitMs":40'))).toHaveLength(2);
});

test("a router that restarts is tried after the shortest wait, however often", async () => {
  receive = (socket) => {
    welcome(socket);
    socket.send(JSON.stringify({ t: "go_away", reason: "the router is restarting" }));
    socket.close(CLOSE.going_away, "the router is restarting");
  };
  const { lines } = dial();
  await vi.waitFor(() => expect(came).toHaveLength(3), PATIENCE);
  const waits = lines.flatMap((line) => /"waitMs":(\d+)/.exec(line)?.[1] ?? []);
  expect(waits.slice(0, 2)).toEqual(["800", "800"]);
});

test("closing waits for the call under way, and says that it goes", async () => {
  const answer = Promise.withResolvers<unknown>();
  const serve = vi.fn(() => answer.promise);
  const { uplink } = dial({ serve });
  await vi.waitFor(() => expect(came).toHaveLength(1), PATIENCE);
  const [{ socket } = {} as Came] = came;
  const frames: string[] = [];
  socket.on("message", (data) => frames.push(String(data)));
  socket.send(JSON.stringify({ t: "call", id: 1, tool: "x", timeout_ms: 10_000 }));
  const closed = once(socket, "close");
  await vi.waitFor(() => expect(serve).toHaveBeenCalled(), PATIENCE);
  const closing = uplink.close();
  await vi.waitFor(() => expect(frames.join()).toContain("go_away"), PATIENCE);
  answer.resolve({ done: true });
  await closing;
  expect((await closed)[0]).toBe(CLOSE.going_away);
  expect(frames.at(-1)).toBe('{"t":"result","id":1,"output":{"done":true}}');
});
