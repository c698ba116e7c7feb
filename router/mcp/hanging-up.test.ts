// A client that leaves, or says that it wants no more: the work at the far end of the link ends with it. Over real sockets,
// because only there somebody can hang up.

import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { linkPair } from "../../shared/link.ts";
import { SILENT } from "../../shared/log.ts";
import { Peer } from "../../shared/peer.ts";
import { createApp } from "../app.ts";
import { ANYONE } from "../auth/caller.ts";
import type { Backend } from "../backend.ts";
import { hostPolicy } from "../hosts.ts";
import { type Listening, listen } from "../node.ts";

vi.setConfig({ testTimeout: 20_000 });
const WAIT = { timeout: 10_000, interval: 10 };

/** What the agent saw of the one call that is on. */
let call: { readonly signal: AbortSignal } | undefined;
let listening: Listening;
let url: string;

beforeAll(async () => {
  const [routerEnd, agentEnd] = linkPair();
  new Peer(agentEnd, {
    serve: (_tool, _input, { signal, progress }) => {
      call = { signal };
      progress({ progress: 1 });
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("given up")));
      });
    },
  });
  const peer = new Peer(routerEnd);
  const backend: Backend = {
    tools: () => [{ name: "endless", description: "Goes on for ever", inputSchema: { type: "object" } }],
    hasTool: (name) => name === "endless",
    call: async (tool, args, options) => {
      await peer.call(tool, args, options);
      return { kind: "json", output: {} };
    },
    health: async () => {
      throw new Error("not asked here");
    },
  };
  const log = SILENT;
  const app = createApp({
    backend,
    surface: "mcp",
    policy: hostPolicy(),
    authenticate: async (authorization = "nobody") => ({ ...ANYONE, id: authorization }),
    log,
  });
  listening = await listen(app, { port: 0, host: "127.0.0.1" });
  url = `http://127.0.0.1:${listening.port}/mcp`;
});
afterAll(() => listening.close(0));
beforeEach(() => {
  call = undefined;
});

const isOn = () => vi.waitFor(() => expect(call).toBeDefined(), WAIT);
const isGivenUp = () => vi.waitFor(() => expect(call?.signal.aborted).toBe(true), WAIT);

const MODERN = "2026-07-28";
const envelope = {
  "io.modelcontextprotocol/protocolVersion": MODERN,
  "io.modelcontextprotocol/clientCapabilities": {},
};

function post(era: "legacy" | "modern", meta: object, signal: AbortSignal, headers = {}): Promise<Response> {
  const _meta = { ...meta, ...(era === "modern" && envelope) };
  return fetch(url, {
    method: "POST",
    signal,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(era === "modern" && {
        "mcp-protocol-version": MODERN,
        "mcp-method": "tools/call",
        "mcp-name": "endless",
      }),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 7,
      method: "tools/call",
      params: { name: "endless", arguments: {}, _meta },
    }),
  });
}

test.each(["legacy", "modern"] as const)("%s: a client that leaves before the answer begins", async (era) => {
  const leave = new AbortController();
  const answer = post(era, {}, leave.signal).catch(() => "left");
  await isOn();
  expect(call?.signal.aborted).toBe(false);
  leave.abort();
  await isGivenUp();
  expect(await answer).toBe("left");
});

test.each(["legacy", "modern"] as const)(
  "%s: a client that leaves in the middle of a stream",
  async (era) => {
    const leave = new AbortController();
    const response = await post(era, { progressToken: "p" }, leave.signal);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const { value } = (await response.body?.pipeThrough(new TextDecoderStream()).getReader().read()) ?? {};
    expect(value).toContain("notifications/progress");
    expect(call?.signal.aborted).toBe(false);
    leave.abort();
    await isGivenUp();
  },
);

test("a batch whose client leaves is not gone on with", async () => {
  const leave = new AbortController();
  const message = { jsonrpc: "2.0", method: "tools/call", params: { name: "endless" } };
  const body = JSON.stringify([1, 2, 3].map((id) => ({ ...message, id })));
  const headers = { "content-type": "application/json" };
  const answer = fetch(url, { method: "POST", signal: leave.signal, headers, body }).catch(() => "left");
  await isOn();
  leave.abort();
  await isGivenUp();
  const first = call;
  expect(await answer).toBe("left");
  await fetch(url, { method: "POST", headers, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' });
  expect(call).toBe(first);
});

test.each([
  [
    "SDK 1",
    () => {
      const client = new ClientV1({ name: "test", version: "1" });
      return { client, connected: client.connect(new HttpV1(new URL(url))) };
    },
  ],
  [
    "SDK 2, old era",
    () => {
      const client = new ClientV2({ name: "test", version: "1" }, { versionNegotiation: { mode: "legacy" } });
      return { client, connected: client.connect(new HttpV2(new URL(url))) };
    },
  ],
  [
    "SDK 2, new era",
    () => {
      const client = new ClientV2({ name: "test", version: "1" }, { versionNegotiation: { mode: "auto" } });
      return { client, connected: client.connect(new HttpV2(new URL(url))) };
    },
  ],
] as const)("%s: a call that is cancelled", async (_name, connect) => {
  const { client, connected } = connect();
  await connected;
  onTestFinished(() => client.close());
  const cancel = new AbortController();
  const tool = { name: "endless" };
  const answer =
    client instanceof ClientV1
      ? client.callTool(tool, undefined, { signal: cancel.signal })
      : client.callTool(tool, { signal: cancel.signal });
  const outcome = answer.then(
    () => "answered",
    () => "cancelled",
  );
  await isOn();
  cancel.abort(new Error("enough"));
  expect(await outcome).toBe("cancelled");
  await isGivenUp();
});

test("nobody cancels another client's call, even with its id", async () => {
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  const answer = post("legacy", {}, leave.signal, { "mcp-session-id": "mine" }).catch(() => "left");
  await isOn();
  const cancel = (session: Record<string, string>) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...session },
      body: JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } }),
    });
  const others: Record<string, string>[] = [
    { "mcp-session-id": "another" },
    {},
    { "mcp-session-id": "mine", authorization: "Bearer another" },
  ];
  for (const session of others) expect((await cancel(session)).status).toBe(202);
  expect(call?.signal.aborted).toBe(false);
  expect((await cancel({ "mcp-session-id": "mine" })).status).toBe(202);
  await isGivenUp();
  expect(await answer).toMatchObject({ status: 200 });
});
