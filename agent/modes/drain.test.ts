// A router that is asked to end while it is busy, as real processes.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CLIENT_TOKEN, type Routed, startRouted } from "../testing/routed.ts";
import { putRun, type Subject, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const PATIENCE = { timeout: 30_000, interval: 25 };

let routed: Routed;
let subject: Subject;
let job_id: string;
beforeEach(async () => {
  routed = await startRouted();
  subject = subjectOf(routed);
  await putRun(subject.paths, "cats", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  const started = await subject.call("start_training", { config_name: "cats" });
  job_id = String(started["job_id"]);
});
afterEach(() => routed?.close());

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
};

const MODERN = { accept: "application/json, text/event-stream", "mcp-protocol-version": "2026-07-28" };

/** Resolves with the head of the answer. */
const open = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(routed.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${CLIENT_TOKEN}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

/** With the body as text; rejects when the answer is cut off. */
async function post(...request: Parameters<typeof open>) {
  const response = await open(...request);
  return { response, text: await response.text() };
}

async function openCalls(): Promise<number> {
  const response = await fetch(`${routed.url}/metrics`, {
    headers: { authorization: `Bearer ${CLIENT_TOKEN}` },
  });
  return Number(/^mcp_ai_toolkit_open_calls (\d+)$/m.exec(await response.text())?.[1]);
}

const wait = (seconds: number) => ({ name: "wait_for_training", arguments: { job_id, seconds } });
const rest = (seconds: number) =>
  post("/mcp/execute", { tool: "wait_for_training", arguments: { job_id, seconds } });
const stream = (seconds: number) =>
  post(
    "/mcp",
    {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { ...wait(seconds), _meta: { ...META, progressToken: 1 } },
    },
    { ...MODERN, "mcp-method": "tools/call", "mcp-name": "wait_for_training" },
  );

test("50 calls in flight when the router is asked to end: each is answered, or told to try again, and no stream is cut", async () => {
  const [short, long] = [4, 45]; // the router waits five seconds
  const calls = [rest, stream].flatMap((ask) => [
    ...Array.from({ length: 15 }, () => ask(short)),
    ...Array.from({ length: 10 }, () => ask(long)),
  ]);
  const answers = Promise.all(calls);
  answers.catch(() => {}); // looked at below
  await vi.waitFor(async () => expect(await openCalls()).toBe(50), PATIENCE);
  const ended = routed.router.stop();
  await vi.waitFor(async () => {
    const { response, text } = await post("/mcp/execute", { tool: "list_configs" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(JSON.parse(text)).toMatchObject({ success: false, error: "This router is restarting" });
  }, PATIENCE);
  expect((await fetch(`${routed.url}/health`)).status).toBe(200);
  const texts = (await answers).map(({ text }) => text);
  const done = texts.filter((text) => text.includes("running"));
  const again = texts.filter((text) => text.includes("This router is restarting"));
  expect([done.length, again.length]).toEqual([30, 20]);
  expect(await ended).toBe(0);
});

test("who listens for changes is told that it is over, at once, and not cut off", async () => {
  const listening = await open(
    "/mcp",
    { jsonrpc: "2.0", id: 7, method: "subscriptions/listen", params: { notifications: {}, _meta: META } },
    { ...MODERN, "mcp-method": "subscriptions/listen" },
  );
  expect(listening.status).toBe(200);
  const ended = routed.router.stop();
  const text = await listening.text();
  expect(text).toContain('"result"');
  expect(await ended).toBe(0);
});
