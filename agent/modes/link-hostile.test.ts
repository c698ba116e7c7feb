// What only an attacker or a broken program sends, to a real router and to a real agent: they live on, and so do the others.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { CLOSE, FRAME_BYTES_MAX, type Hello, VERSIONS } from "../../shared/protocol.ts";
import type { Program } from "../testing/program.ts";
import {
  AGENT_TOKEN,
  CLIENT_TOKEN,
  connected,
  type Routed,
  startAgent,
  startRouted,
} from "../testing/routed.ts";
import { type Subject, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const MIB = 1024 * 1024;
const PATIENCE = { timeout: 30_000, interval: 25 };

let routed: Routed;
let subject: Subject;
beforeAll(async () => {
  routed = await startRouted();
  subject = subjectOf(routed);
});
afterAll(() => routed?.close());

/** The good machine answers, whatever the others do. */
const isServed = async () =>
  expect(await subject.call("list_configs", { machine: "box" })).toMatchObject({ configs: [] });

async function rssBytes({ pid }: Pick<Program, "pid">): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

const address = (url: string) => url.replace("http:", "ws:");
const headers = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function dial(token = AGENT_TOKEN): Promise<WebSocket> {
  const socket = new WebSocket(`${address(routed.url)}/agent`, headers(token));
  socket.on("error", () => {}); // `close` follows
  await once(socket, "open");
  return socket;
}

async function refusal(token: string): Promise<number> {
  const socket = new WebSocket(`${address(routed.url)}/agent`, headers(token));
  const [, response] = await once(socket, "unexpected-response");
  socket.on("error", () => {});
  socket.terminate();
  return response.statusCode;
}

async function closeCode(socket: WebSocket): Promise<number> {
  const [code] = await once(socket, "close");
  return code;
}

const hello = (name: string, more: Partial<Hello> = {}) =>
  JSON.stringify({
    t: "hello",
    versions: VERSIONS,
    name,
    machine_id: `id of ${name}`,
    instance: "1",
    agent_version: "0",
    tools: [],
    limits: { frame_bytes: 1_000_000, open_calls: 1_024 },
    ...more,
  } satisfies Hello & { t: "hello" });

test.each([
  ["a token that nobody has", "not-a-token-of-anybody"],
  ["a client's token", CLIENT_TOKEN],
])("%s does not let an agent in", async (_what, token) => {
  expect(await refusal(token)).toBe(401);
});

test("an agent's token does not let a client in", async () => {
  const { send } = subjectOf({ url: routed.url, token: AGENT_TOKEN, data: routed.data });
  expect((await send("/mcp/tools")).status).toBe(401);
});

test.each([
  ["too old", { min: 0, max: VERSIONS.min - 1 }],
  ["too new", { min: VERSIONS.max + 1, max: VERSIONS.max + 9 }],
])("an agent of a version that is %s is told so", async (_what, versions) => {
  const socket = await dial();
  socket.send(hello("other", { versions }));
  const [code, reason] = await once(socket, "close");
  expect([code, String(reason)]).toEqual([CLOSE.version, expect.stringContaining("update the older one")]);
});

const GARBAGE: readonly (string | Buffer)[] = [
  "",
  "{",
  "null",
  '{"t":"nothing"}',
  '{"t":"call","id":-1}',
  `{"t":"hello","name":"${"x".repeat(10_000)}"}`,
  `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`,
  '{"t":"result","id":1,"__proto__":{"polluted":true}}',
  Buffer.from([0, 1, 2, 3]),
  "x".repeat(100_000),
];

test("10,000 frames of garbage, before and after a hello, leave the router as it was", async () => {
  const before = await rssBytes(routed.router);
  for (let round = 0; round < 100; round++) {
    const socket = await dial();
    if (round % 2 === 0) socket.send(hello("garbage"));
    for (let frame = 0; frame < 100; frame++) socket.send(GARBAGE[(round + frame) % GARBAGE.length] ?? "");
    expect(await closeCode(socket)).toBe(CLOSE.protocol_error);
  }
  expect((await rssBytes(routed.router)) - before).toBeLessThan(64 * MIB);
  await isServed();
});

test("answers to calls that nobody made, progress of nothing and cancels of nothing are harmless", async () => {
  const socket = await dial();
  socket.send(hello("chatty"));
  await once(socket, "message");
  for (let id = 1; id <= 1_000; id++) {
    socket.send(JSON.stringify({ t: "result", id, output: {} }));
    socket.send(JSON.stringify({ t: "error", id, error: { code: "x", message: "y" } }));
    socket.send(JSON.stringify({ t: "progress", id, progress: 1 }));
    socket.send(JSON.stringify({ t: "cancel", id }));
    socket.send(JSON.stringify({ t: "pong" }));
  }
  socket.send(JSON.stringify({ t: "call", id: 1, tool: "list_configs", timeout_ms: 1_000 }));
  const [answer] = await once(socket, "message");
  expect(JSON.parse(String(answer))).toMatchObject({ t: "error", id: 1, error: { code: "forbidden" } });
  socket.close();
  await isServed();
});

test("a frame beyond the limit closes its link, and is not kept", async () => {
  const before = await rssBytes(routed.router);
  const socket = await dial();
  socket.send("x".repeat(FRAME_BYTES_MAX + 1));
  expect(await closeCode(socket)).toBe(1009);
  expect((await rssBytes(routed.router)) - before).toBeLessThan(64 * MIB);
  await isServed();
});

test("a frame that comes byte by byte does not keep its link: nothing else can come meanwhile", async () => {
  const { hostname, port } = new URL(routed.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.write(
    `GET /agent HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${AGENT_TOKEN}\r\nUpgrade: websocket\r\n` +
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await once(socket, "data");
  const text = Buffer.from(hello("slow", { heartbeat_ms: 300 }));
  socket.write(Buffer.concat([frameHeader(text.length), text]));
  await once(socket, "data"); // welcome
  socket.write(frameHeader(30 * MIB));
  const drip = setInterval(() => socket.write("x"), 20);
  await once(socket, "close");
  clearInterval(drip);
  await isServed();
});

/** Of a whole text frame with a mask of zeros (RFC 6455 §5.2). */
function frameHeader(length: number): Buffer {
  const header = Buffer.alloc(14);
  header[0] = 0x81;
  header[1] = 0x80 | 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

test("of 5,000 calls of ten clients at once to a machine that does not answer, those above the limit are refused at once, and all end", async () => {
  const socket = await dial();
  const ids: number[] = [];
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data)) as { t: string; id: number };
    if (frame.t === "call") ids.push(frame.id);
  });
  socket.send(hello("mute"));
  await vi.waitFor(() => expect(routed.router.log()).toContain('"machine":"mute"'), PATIENCE);
  const before = await rssBytes(routed.router);
  const agent = new Agent({ keepAlive: true, maxSockets: 5_000 });
  const tokens: string[] = [];
  for (const label of "0123456789") {
    const { json } = await subject.send("/admin/tokens", { body: { label, scopes: ["read"] } });
    tokens.push(String(json["secret"]));
  }
  const body = { tool: "list_configs", arguments: { machine: "mute" } };
  const statuses: number[] = [];
  const calls = Array.from({ length: 5_000 }, async (_, n) => {
    statuses.push(await execute(agent, tokens[n % tokens.length] ?? "", body));
  });
  await vi.waitFor(() => expect([ids.length, statuses.length]).toEqual([1_024, 5_000 - 1_024]), PATIENCE);
  expect(new Set(statuses)).toEqual(new Set([503]));
  expect((await rssBytes(routed.router)) - before).toBeLessThan(256 * MIB);
  await isServed();
  for (const id of ids) socket.send(JSON.stringify({ t: "result", id, output: { configs: [] } }));
  await Promise.all(calls);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1_024);
  agent.destroy();
  socket.close();
});

function execute(agent: Agent, token: string, body: unknown): Promise<number> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      `${routed.url}/mcp/execute`,
      {
        method: "POST",
        agent,
        headers: { authorization: `Bearer ${token}`, "content-length": text.length },
      },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on("error", reject);
    sent.end(text);
  });
}

test("a request that asks to upgrade to something else is a plain one", async () => {
  const { hostname, port } = new URL(routed.url);
  for (const upgrade of ["h2c", "foo"]) {
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET /health HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`,
    );
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  }
});

test("GET /agent without a WebSocket says what it is for", async () => {
  const { send } = subjectOf({ url: routed.url, token: AGENT_TOKEN, data: routed.data });
  expect(await send("/agent")).toMatchObject({ status: 426 });
  expect((await send("/agent", { method: "POST" })).status).toBe(405);
});

test("a router that sends garbage is left, and tried again", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const codes: number[] = [];
  server.on("connection", (socket) => {
    socket.on("close", (code) => codes.push(code));
    for (let frame = 0; frame < 1_000; frame++) socket.send(GARBAGE[frame % GARBAGE.length] ?? "");
  });
  const { port } = server.address() as { port: number };
  const agent = await startAgent(`http://127.0.0.1:${port}`, "victim");
  await vi.waitFor(() => expect(codes).toEqual([CLOSE.protocol_error, CLOSE.protocol_error]), PATIENCE);
  // Its own door stays open.
  expect((await fetch(`${agent.url}/health`)).status).toBe(200);
  await agent.close();
  server.close();
});

test("an agent that is asked too much refuses it, and goes on", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const answers: { t: string; error?: { code: string } }[] = [];
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data)) as { t: string };
      if (frame.t !== "hello") return void (frame.t === "ping" || answers.push(frame));
      const limits = { frame_bytes: FRAME_BYTES_MAX, open_calls: 1 };
      socket.send(JSON.stringify({ t: "welcome", version: 1, name: "victim", router_version: "0", limits }));
      // First, while there is room for it: one whose time is over on arrival.
      socket.send(JSON.stringify({ t: "call", id: 9_000, tool: "list_configs", timeout_ms: 0 }));
      for (let id = 1; id <= 5_000; id++)
        socket.send(JSON.stringify({ t: "call", id, tool: "list_configs", input: {}, timeout_ms: 60_000 }));
      return undefined;
    });
  });
  const { port } = server.address() as { port: number };
  const agent = await startAgent(`http://127.0.0.1:${port}`, "victim");
  await connected(agent);
  await vi.waitFor(() => expect(answers).toHaveLength(5_001), PATIENCE);
  const codes = new Set(answers.map(({ t, error }) => error?.code ?? t));
  expect([...codes].sort()).toEqual(["overloaded", "result", "timeout"]);
  await agent.close();
  server.close();
});
