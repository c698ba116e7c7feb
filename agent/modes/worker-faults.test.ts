// What goes wrong between machines and the Worker: with a real agent, real sockets and workerd.
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import WebSocket from "ws";
import { CLOSE } from "../../shared/protocol.ts";
import { type Network, startNetwork } from "../testing/network.ts";
import { type Program, runProgram, startProgram } from "../testing/program.ts";
import { AGENT_TOKEN, CLIENT_TOKEN, connected, startAgent } from "../testing/routed.ts";
import { putRun, type Subject, subjectOf } from "../testing/subject.ts";
import { startWorker, startWorkerRouted, type Worker } from "../testing/worker.ts";
import { EXIT_REFUSED } from "./running.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const PATIENCE = { timeout: 60_000, interval: 25 };
const args = ["--heartbeat", "1"];

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});
function closing<T extends { close(): Promise<void> }>(each: T): T {
  opened.push(each);
  return each;
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

interface Routed extends Subject {
  readonly worker: Worker;
  readonly network: Network;
  readonly agent: Program;
}

/** An agent that reaches its router through a network that may be bad. */
async function throughNetwork(): Promise<Routed> {
  const worker = closing(await startWorker());
  const network = closing(await startNetwork(worker.url));
  const agent = closing(await startAgent(network.url, "box", { args }));
  await connected(agent);
  return { ...subjectOf({ url: worker.url, token: CLIENT_TOKEN, data: agent.data }), worker, network, agent };
}

test("a change whose answer is lost on the way is made once, and its client gets the answer all the same", async () => {
  const { call, network, paths } = await throughNetwork();
  await call("create_training_config", { name: "once", dataset_path: "cats" });
  await network.weather("vanish-upwards");
  const deleted = call("delete_config", { name: "once" });
  await vi.waitFor(async () => expect(await exists(join(paths.config, "once.yaml"))).toBe(false), PATIENCE);
  await network.weather("cut");
  expect(await deleted).toMatchObject({ deleted: "once", success: true });
  const { deleted: inTrash } = (await call("restore_deleted")) as { deleted: unknown[] };
  expect(inTrash).toHaveLength(1);
});

test("when packets vanish both ends notice, the agent comes back, and the call under way is answered", async () => {
  const { call, network, agent, worker } = await throughNetwork();
  await network.weather("vanish");
  const answer = call("list_configs");
  await connected(agent, 2);
  expect(agent.log()).toContain("nothing was heard from the router for too long");
  expect(await answer).toMatchObject({ configs: [] });
  expect(worker.log().match(/machine connected/g)).toHaveLength(2);
});

test("kill -9 for the agent: a look answers what was, a change fails at once, and both work when it is back", async () => {
  const routed = closing(await startWorkerRouted({ args }));
  const { call, execute } = subjectOf(routed);
  expect(await call("list_configs")).toMatchObject({ configs: [] });
  await routed.agent.kill9();
  await vi.waitFor(
    async () =>
      expect(await call("list_configs")).toMatchObject({ agent_online: false, as_of: expect.any(String) }),
    PATIENCE,
  );
  expect(await execute("delete_config", { name: "x" })).toMatchObject({
    status: 503,
    code: "agent_offline",
    error: expect.stringMatching(/box is offline; it was last seen \d+ seconds? ago/),
  });
  const again = closing(await startAgent(routed.url, "box", { args, data: routed.data }));
  await connected(again);
  expect(await call("list_configs")).not.toHaveProperty("agent_online");
});

test("a redeploy cuts the calls under way and nothing else: the agent is back within its backoff, all that was known still is", async () => {
  const { url, storage, ...worker } = closing(await startWorker());
  const agent = closing(await startAgent(url, "box", { args }));
  await connected(agent);
  const subject = subjectOf({ url, token: CLIENT_TOKEN, data: agent.data });
  const { call, paths, send } = subject;
  await putRun(paths, "cats", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  const { job_id } = await call("start_training", { config_name: "cats" });
  const made = await send("/admin/tokens", { body: { label: "phone", scopes: ["read"] } });
  const { secret } = made.json as { secret: string };
  const waiting = call("wait_for_training", { job_id, seconds: 45 });
  waiting.catch(() => {}); // looked at below
  await call("list_configs");
  await worker.stop();
  await expect(waiting).rejects.toThrow();

  closing(await startWorker({ port: Number(new URL(url).port), storage }));
  await connected(agent, 2);
  const waits = [...agent.log().matchAll(/"waitMs":(\d+)/g)].map(([, ms]) => Number(ms));
  expect(waits[0]).toBeLessThanOrEqual(1_200);
  const phone = subjectOf({ url, token: secret, data: agent.data });
  const list = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "list_configs", arguments: {} },
  };
  const headers = { "mcp-session-id": "from before the redeploy" };
  expect((await phone.send("/mcp", { body: list, headers })).status).toBe(200);
  expect(await call("get_training_status", { job_id })).toMatchObject({ status: "running" });
  await call("stop_training", { job_id });
  const audit = await send("/admin/audit");
  expect(audit.text).toContain("token create");
  expect(audit.text).toContain("start_training");
});

test("a machine joins with a code, needs no further words, and is out in the moment its credential is revoked", async () => {
  const worker = closing(await startWorker({ bindings: { MCP_AI_TOOLKIT_AGENT_TOKEN: null } }));
  const box = closing(await startProgram()); // for its folder
  const env = { MCP_AI_TOOLKIT_ROUTER_URL: worker.url, MCP_AI_TOOLKIT_ADMIN_TOKEN: CLIENT_TOKEN };
  const { stdout: code } = await runProgram(["router", "pair"], { env });
  const joined = await runProgram([
    "join",
    worker.url,
    "--name",
    "box222",
    "--code",
    code.trim(),
    "--data",
    box.data,
  ]);
  expect(joined).toMatchObject({ code: 0 });
  const agent = closing(await startProgram({ command: "agent", data: box.data }));
  await connected(agent);
  const made = await runProgram(["token", "create", "--scope", "read", "--label", "phone"], { env });
  const phone = subjectOf({ url: worker.url, token: made.stdout.trim(), data: box.data });
  expect(await phone.call("list_machines")).toMatchObject({ machines: [{ name: "box222", online: true }] });
  expect(await phone.execute("start_training", { config_name: "x" })).toMatchObject({ code: "forbidden" });

  const { stdout } = await runProgram(["token", "list", "--json"], { env });
  const ids = (JSON.parse(stdout) as { id: string; kind: string }[]).filter(({ kind }) => kind === "agent");
  expect(ids).toHaveLength(1);
  expect(await runProgram(["token", "revoke", ids[0]?.id ?? ""], { env })).toMatchObject({ code: 0 });
  expect(await agent.exited).toBe(EXIT_REFUSED);
  expect(agent.log()).toContain("the agent's token was revoked");
});

test("a second agent of the same name takes over; the first is told why", async () => {
  const routed = closing(await startWorkerRouted({ args }));
  const second = closing(await startAgent(routed.url, "box", { args }));
  await connected(second);
  await vi.waitFor(
    () => expect(routed.agent.log()).toContain("another agent has connected as box"),
    PATIENCE,
  );
  await subjectOf(routed).call("create_training_config", { name: "theirs", dataset_path: "cats" });
  expect(await readdir(join(second.data, "config"))).toEqual(["theirs.yaml"]);
});

const limits = { frame_bytes: 1_000_000, open_calls: 10 };
const hello = (max: number) =>
  JSON.stringify({
    t: "hello",
    versions: { min: 0, max },
    name: "x",
    machine_id: "m",
    instance: "i",
    agent_version: "0",
    tools: [],
    limits,
  });

test("what is no greeting ends a link with its reason", async () => {
  const worker = closing(await startWorker());
  const headers = { authorization: `Bearer ${AGENT_TOKEN}` };
  const codeFor = (frame: string | Buffer) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`${worker.url.replace("http", "ws")}/agent`, { headers });
      socket.on("open", () => socket.send(frame));
      socket.on("close", resolve);
      socket.on("error", reject);
    });
  expect(await codeFor(hello(0))).toBe(CLOSE.version);
  for (const frame of ["garbage", '{"t":"cancel","id":1}', Buffer.from("{}")])
    expect(await codeFor(frame), String(frame)).toBe(CLOSE.protocol_error);
});

/** An object that was never awake has no database, beside the one that workerd keeps of all objects. */
async function hasWoken({ storage }: Worker): Promise<boolean> {
  const files = await readdir(storage, { recursive: true });
  return files.some((file) => /\/[0-9a-f]{64}\.sqlite$/.test(file));
}

test("who cannot be let in is sent away in the usual words, and does not wake the object", async () => {
  const worker = closing(await startWorker());
  const stranger = closing(
    await startAgent(worker.url, "box", {
      env: { MCP_AI_TOOLKIT_AGENT_TOKEN: "of-another-router-altogether" },
    }),
  );
  expect(await stranger.exited).toBe(EXIT_REFUSED);
  const { send } = subjectOf({ url: worker.url, data: stranger.data });
  expect(await send("/mcp/tools")).toMatchObject({ status: 401, json: { code: "unauthorized" } });
  const guess = { authorization: "Bearer let-me-in" };
  expect((await send("/mcp/tools", { headers: guess })).status).toBe(401);
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => send("/mcp", { headers: guess, body: {} })),
  );
  expect(answers.map(({ status }) => status)).toContain(429);
  expect(await hasWoken(worker)).toBe(false);

  const owner = subjectOf({ url: worker.url, token: CLIENT_TOKEN, data: stranger.data });
  expect((await owner.send("/mcp/tools")).status).toBe(200);
  expect(await hasWoken(worker)).toBe(true);
});

test.each([
  ["no owner", { MCP_AI_TOOLKIT_TOKEN: null }, "npx wrangler secret put MCP_AI_TOOLKIT_TOKEN"],
  [
    "a secret that can be guessed",
    { MCP_AI_TOOLKIT_AGENT_TOKEN: "secret" },
    "MCP_AI_TOOLKIT_AGENT_TOKEN must have",
  ],
])("a Worker with %s lets nobody in, and says what to do", async (_what, bindings, message) => {
  const worker = closing(await startWorker({ bindings }));
  for (const path of ["/health", "/mcp/tools", "/join"]) {
    const { status, json } = await subjectOf({ url: worker.url, token: CLIENT_TOKEN, data: "" }).send(path, {
      body: {},
    });
    expect(status).toBe(401);
    expect(json["error"]).toContain(message);
  }
});
