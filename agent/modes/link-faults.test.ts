// What dead processes and a bad network do to calls, with real processes. Heartbeats come every second instead of every
// fifteen, so that what takes a minute in life takes four seconds here.
import { access, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import type { Executed } from "../testing/caller.ts";
import { type Network, startNetwork } from "../testing/network.ts";
import type { Program } from "../testing/program.ts";
import { CLIENT_TOKEN, connected, startAgent, startRouter } from "../testing/routed.ts";
import { putRun, type Subject, subjectOf } from "../testing/subject.ts";
import { identify, isAlive } from "../tools/training/process.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const PATIENCE = { timeout: 60_000, interval: 25 };
const args = ["--heartbeat", "1"];
const env = { MCP_AI_TOOLKIT_STOP_GRACE: "1.5" };

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});
function closing<T extends { close(): Promise<void> }>(each: T): T {
  opened.push(each);
  return each;
}

interface Routed extends Subject {
  readonly router: Program;
  readonly network: Network;
  readonly agent: Program;
}

/** An agent that reaches its router through a network that may be bad. */
async function throughNetwork(): Promise<Routed> {
  const router = closing(await startRouter());
  const network = closing(await startNetwork(router.url));
  const agent = closing(await startAgent(network.url, "box", { args, env }));
  await connected(agent);
  return { ...subjectOf({ url: router.url, token: CLIENT_TOKEN, data: agent.data }), router, network, agent };
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** A run that takes a second and a half to stop, because its trainer does not listen. */
async function deafRun({ paths, call }: Subject, name: string): Promise<string> {
  await putRun(paths, name, {
    train: { steps: 1_000_000 },
    rehearsal: { step_ms: 5, fault: "ignores-sigint" },
  });
  const { job_id } = await call("start_training", { config_name: name });
  await vi.waitFor(
    async () => expect(await call("get_training_status", { job_id })).toMatchObject({ phase: "training" }),
    PATIENCE,
  );
  return String(job_id);
}

interface Sent {
  readonly success: boolean;
  readonly code?: string;
  readonly result: { readonly content: readonly { readonly text: string }[] };
}

async function send(url: string, key: string, tool: string, input: object): Promise<Sent> {
  const response = await fetch(`${url}/mcp/execute`, {
    method: "POST",
    headers: { authorization: `Bearer ${CLIENT_TOKEN}`, "idempotency-key": key },
    body: JSON.stringify({ tool, arguments: input }),
  });
  return (await response.json()) as Sent;
}

/** Sends one change, again and again with the same key, as a client does that is told to try again. */
async function insist(url: string, key: string, tool: string, input: object): Promise<Executed["json"]> {
  return await vi.waitFor(async () => {
    const answer = await send(url, key, tool, input);
    if (answer.code === "agent_offline") throw new Error("not now");
    expect(answer).toMatchObject({ success: true });
    return JSON.parse(answer.result.content[0]?.text ?? "") as Executed["json"];
  }, PATIENCE);
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

test("on a line that is cut again and again every change is made exactly once", async () => {
  const { url, call, network } = await throughNetwork();
  const names = Array.from({ length: 40 }, (_, n) => `config_${n}`);
  let done = 0;
  let cuts = 0;
  const worker = async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      // A second run of the same change would be a conflict.
      await insist(url, `key-of-${name}`, "create_training_config", { name, dataset_path: "cats" });
      if (++done % 10 === 5 && cuts++ < 3) await network.weather("cut");
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  expect(cuts).toBeGreaterThanOrEqual(3);
  const { configs } = (await call("list_configs")) as { configs: unknown[] };
  expect(configs).toHaveLength(40);
});

test("when packets vanish both ends notice, the agent comes back, and the call under way is answered", async () => {
  const { call, network, agent, router } = await throughNetwork();
  await network.weather("vanish");
  const answer = call("list_configs");
  await connected(agent, 2);
  expect(agent.log()).toContain("nothing was heard from the router for too long");
  expect(await answer).toMatchObject({ configs: [] });
  expect(router.log().match(/machine connected/g)).toHaveLength(2);
});

test("a stall shorter than three heartbeats delays a call, no more", async () => {
  const { call, network, agent } = await throughNetwork();
  await network.weather("stall");
  const answer = call("list_configs");
  await network.weather("fair");
  expect(await answer).toMatchObject({ configs: [] });
  await connected(agent, 1);
  expect(agent.log()).not.toContain("no link to the router");
});

test("after a longer stall the agent is back, and the change that was sent into it is made once", async () => {
  const { call, network, agent } = await throughNetwork();
  await network.weather("stall");
  const answer = call("create_training_config", { name: "late", dataset_path: "cats" });
  await vi.waitFor(() => expect(agent.log()).toContain("no link to the router"), PATIENCE);
  await network.weather("fair");
  expect(await answer).toMatchObject({ status: "success" });
  await connected(agent, 2);
  expect(await call("list_configs")).toMatchObject({ configs: [expect.anything()] });
});

test("while there is no line a change fails at once and says when the machine was seen; a look answers what was", async () => {
  const { call, execute, network, agent } = await throughNetwork();
  await call("list_configs");
  await network.weather("down");
  await vi.waitFor(
    async () => expect(await call("list_configs")).toMatchObject({ agent_online: false }),
    PATIENCE,
  );
  expect(await execute("delete_config", { name: "x" })).toMatchObject({
    status: 503,
    code: "agent_offline",
    error: expect.stringMatching(/box is offline; it was last seen \d+ seconds? ago/),
    hint: expect.stringContaining("mcp-ai-toolkit agent"),
  });
  await network.weather("fair");
  await connected(agent, 2);
  expect(await call("list_configs")).not.toHaveProperty("agent_online");
});

test("kill -9 for the router in the middle of a change: the next one has the agent back within its backoff, and the same request gets the answer", async () => {
  const { call, paths, router, agent } = await throughRouterAlone();
  const other = await deafRun(
    { ...subjectOf({ ...router, token: CLIENT_TOKEN, data: agent.data }), call, paths },
    "deaf",
  );
  const { pid } = await call("get_training_status", { job_id: other });
  const trainer = await identify(Number(pid));
  const sent = send(router.url, "stop", "stop_training", { job_id: other });
  sent.catch(() => {}); // looked at below
  await vi.waitFor(
    async () =>
      expect(await call("get_training_status", { job_id: other })).toMatchObject({ phase: "stopping" }),
    PATIENCE,
  );
  await router.kill9();
  await expect(sent).rejects.toThrow();
  const next = closing(await startRouter({ port: Number(new URL(router.url).port), data: router.data }));
  await connected(agent, 2);
  expect(waits(agent)[0]).toBeLessThanOrEqual(1_200);
  expect(await insist(next.url, "stop", "stop_training", { job_id: other })).toMatchObject({
    state: "stopped",
  });
  await vi.waitFor(async () => expect(await isAlive(trainer)).toBe(false), PATIENCE);
});

test("a restart of the router lets the calls under way end, leaves runs alone, and the agent comes back at once", async () => {
  const { call, paths, router, agent } = await throughRouterAlone();
  const subject = { ...subjectOf({ ...router, token: CLIENT_TOKEN, data: agent.data }), call, paths };
  const job_id = await deafRun(subject, "deaf");
  const { pid } = await call("get_training_status", { job_id });
  const trainer = await identify(Number(pid));
  const waiting = call("wait_for_training", { job_id, seconds: 2 });
  await call("list_configs");
  expect(await router.stop()).toBe(0);
  expect(await waiting).toMatchObject({ ended: false, status: "running" });
  const next = closing(await startRouter({ port: Number(new URL(router.url).port), data: router.data }));
  await connected(agent, 2);
  expect(waits(agent)[0]).toBeLessThanOrEqual(1_200);
  const after = subjectOf({ ...next, token: CLIENT_TOKEN, data: agent.data });
  const list = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "list_configs", arguments: {} },
  };
  const headers = { "mcp-session-id": "from before the restart" };
  expect((await after.send("/mcp", { body: list, headers })).status).toBe(200);
  expect(await isAlive(trainer)).toBe(true);
  await after.call("stop_training", { job_id });
});

test("kill -9 for the agent in the middle of a change: nobody runs it again, and the answer says that its outcome is not known", async () => {
  const { url, call, paths, router, agent } = await throughRouterAlone();
  const subject = { ...subjectOf({ ...router, token: CLIENT_TOKEN, data: agent.data }), call, paths };
  const job_id = await deafRun(subject, "deaf");
  const stopping = subject.execute("stop_training", { job_id });
  await vi.waitFor(
    async () => expect(await call("get_training_status", { job_id })).toMatchObject({ phase: "stopping" }),
    PATIENCE,
  );
  const looking = call("wait_for_training", { job_id, seconds: 45 });
  await agent.kill9();
  const next = closing(await startAgent(url, "box", { args, env, data: agent.data }));
  await connected(next);
  expect(await stopping).toMatchObject({
    success: false,
    code: "agent_error",
    error: expect.stringContaining("not known"),
  });
  expect(await looking).toMatchObject({ ended: true, status: "stopped" }); // sent again: a look does no harm
});

test("a second agent of the same name takes over; the first is told why, and does not fight", async () => {
  const { call, url, router, agent } = await throughRouterAlone();
  const second = closing(await startAgent(url, "box", { args }));
  await connected(second);
  await vi.waitFor(() => expect(agent.log()).toContain("another agent has connected as box"), PATIENCE);
  expect(waits(agent)[0]).toBeGreaterThan(45_000);
  await subjectOf({ url, token: CLIENT_TOKEN, data: second.data }).call("create_training_config", {
    name: "theirs",
    dataset_path: "cats",
  });
  expect(await readdir(join(second.data, "config"))).toEqual(["theirs.yaml"]);
  expect(await call("list_configs")).toMatchObject({ configs: [expect.anything()] });
  expect(router.log().match(/machine connected/g)).toHaveLength(2);
});

test("two machines: calls go where they are sent, a start to the freer one, and the one that is off is remembered", async () => {
  const router = closing(await startRouter());
  const boxes = await Promise.all(
    ["one", "two"].map(async (name) => closing(await startAgent(router.url, name, { args, env }))),
  );
  const [one, two] = boxes;
  if (!one || !two) throw new Error("not started");
  await Promise.all([connected(one), connected(two)]);
  const { call, execute } = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: one.data });
  const endless = { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } };
  for (const { data } of [one, two]) await putRun(subjectOf({ url: "", data }).paths, "cats", endless);

  expect(await execute("list_configs")).toMatchObject({
    status: 400,
    error: expect.stringContaining("one, two"),
  });
  expect(await call("list_configs", { machine: "two" })).toMatchObject({ machine: "two" });
  const first = await call("start_training", { config_name: "cats", machine: "one" });
  const second = await call("start_training", { config_name: "cats", machine: "auto" });
  expect([first["machine"], second["machine"]]).toEqual(["one", "two"]);
  const job = { job_id: second["job_id"] };
  expect(await call("get_training_status", job)).toMatchObject({ machine: "two", config: "cats" });
  await writeFile(join(two.data, "output/old.ckpt"), "of that kind any bytes will do");
  const model = { model_name: "old", encoding: "raw", machine: "two" };
  const { link } = (await call("download_model", model)) as { link: { url: string; machine: string } };
  expect([link.machine, await (await fetch(link.url)).text()]).toEqual([
    "two",
    "of that kind any bytes will do",
  ]);

  await two.stop();
  expect(await call("get_training_status", job)).toMatchObject({
    machine: "two",
    agent_online: false,
    as_of: expect.any(String),
  });
  const away = await execute("download_model", model);
  expect(away).toMatchObject({ status: 503, code: "agent_offline" });
  expect(JSON.stringify(away)).not.toContain("/files/");
  expect(await execute("stop_training", job)).toMatchObject({
    code: "agent_offline",
    error: expect.stringContaining("two"),
  });
  expect(await call("list_machines")).toMatchObject({
    machines: [
      { name: "one", online: true, jobs: { running: 1 } },
      { name: "two", online: false },
    ],
  });
  const pinned = subjectOf({ url: `${router.url}/m/one`, token: CLIENT_TOKEN, data: one.data });
  expect(await pinned.call("stop_training", { job_id: first["job_id"] })).toMatchObject({ state: "stopped" });
});

/** Without anything in between. */
async function throughRouterAlone(): Promise<Subject & Omit<Routed, "network">> {
  const router = closing(await startRouter());
  const agent = closing(await startAgent(router.url, "box", { args, env }));
  await connected(agent);
  return { ...subjectOf({ url: router.url, token: CLIENT_TOKEN, data: agent.data }), router, agent };
}

/** How long the agent said it would wait before each new try. */
const waits = (agent: Program) => [...agent.log().matchAll(/"waitMs":(\d+)/g)].map(([, ms]) => Number(ms));
