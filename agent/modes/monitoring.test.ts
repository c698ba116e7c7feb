// What a monitor sees of a real router with a real machine that comes and goes.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startNetwork } from "../testing/network.ts";
import { type NvidiaSmi, pretendNvidiaSmi } from "../testing/nvidia-smi.ts";
import { type Program, startProgram } from "../testing/program.ts";
import { CLIENT_TOKEN, connected, startAgent, startRouter } from "../testing/routed.ts";
import { type Subject, subjectOf } from "../testing/subject.ts";
import { startWorkerRouted } from "../testing/worker.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PATIENCE = { timeout: 30_000, interval: 25 };

let router: Program;
let smi: NvidiaSmi;
let agent: Program | undefined;
let subject: Subject;
beforeAll(async () => {
  router = await startRouter();
  smi = await pretendNvidiaSmi({ uuid: "GPU-a", usedMib: 1_024, totalMib: 24_576 });
  subject = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: router.data });
});
afterAll(async () => {
  await Promise.all([router?.close(), agent?.close(), smi?.[Symbol.asyncDispose]()]);
});

const startBox = (url = router.url, data?: string) =>
  startAgent(url, "box", {
    args: ["--heartbeat", "1"],
    env: { PATH: `${smi.folder}:${process.env["PATH"]}` },
    ...(data !== undefined && { data }),
  });

const ready = async (url = router.url) => {
  const response = await fetch(`${url}/ready`);
  return { status: response.status, body: await response.json() };
};

/** Samples by name and labels, as Prometheus reads them. */
async function scrape(url = router.url): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`, {
    headers: { authorization: `Bearer ${CLIENT_TOKEN}` },
  });
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("# "));
  return new Map(
    samples.map((line) => {
      const [, name = "", value] =
        /^([a-z_]+(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})?) (\S+)$/.exec(line) ?? [];
      expect(name, line).toMatch(/^mcp_ai_toolkit_/);
      return [name.replace("mcp_ai_toolkit_", ""), Number(value)];
    }),
  );
}

test("a router without a machine lives, but is not ready, and says to anybody why", async () => {
  expect((await fetch(`${router.url}/health`)).status).toBe(200);
  expect(await ready()).toEqual({
    status: 503,
    body: { ready: false, reason: "No training machine is connected" },
  });
});

test("metrics are for those with a token", async () => {
  expect((await fetch(`${router.url}/metrics`)).status).toBe(401);
});

test("calls, the machine, its trainings and its GPU are counted; when it is gone, what it said last stands, with its age", async () => {
  agent = await startBox();
  await connected(agent);
  expect(await ready()).toEqual({ status: 200, body: { ready: true } });
  for (let n = 0; n < 3; n++) await subject.call("list_configs");
  await subject.execute("get_config", { name: "none" });
  const here = {
    'tool_calls_total{tool="list_configs",outcome="ok"}': 3,
    'tool_calls_total{tool="get_config",outcome="not_found"}': 1,
    'tool_call_seconds_bucket{tool="list_configs",le="+Inf"}': 3,
    'tool_call_seconds_count{tool="list_configs"}': 3,
    open_calls: 0,
    'machine_connected{machine="box"}': 1,
    'machine_connections_total{machine="box"}': 1,
    'machine_open_calls{machine="box"}': 0,
    'machine_jobs{machine="box",state="running"}': 0,
    'machine_jobs{machine="box",state="queued"}': 0,
    'gpu_memory_used_bytes{machine="box",gpu="0"}': 1_024 * 1024 ** 2,
    'gpu_memory_total_bytes{machine="box",gpu="0"}': 24_576 * 1024 ** 2,
    'gpu_temperature_celsius{machine="box",gpu="0"}': expect.any(Number),
    'gpu_utilization_percent{machine="box",gpu="0"}': expect.any(Number),
  };
  await vi.waitFor(async () => expect(Object.fromEntries(await scrape())).toMatchObject(here), PATIENCE);

  await agent.kill9();
  await vi.waitFor(async () => expect((await ready()).status).toBe(503), PATIENCE);
  const gone = Object.fromEntries(await scrape());
  expect(gone).toMatchObject({
    ...here,
    'machine_connected{machine="box"}': 0,
    'machine_figures_age_seconds{machine="box"}': expect.any(Number),
  });
  const { data } = agent;
  const next = await startBox(router.url, data);
  await connected(next);
  expect(Object.fromEntries(await scrape())).toMatchObject({ 'machine_connections_total{machine="box"}': 2 });
  await next.close();
});

test("a machine that does not answer holds no scrape up", async () => {
  const network = await startNetwork(router.url);
  const far = await startAgent(network.url, "far", { args: ["--heartbeat", "60"] });
  await connected(far);
  await network.weather("stall");
  expect(Object.fromEntries(await scrape())).toMatchObject({ 'machine_connected{machine="far"}': 1 });
  await network.weather("fair");
  await far.close();
  await network.close();
});

test("a router in workerd answers the same questions", async () => {
  const worker = await startWorkerRouted();
  expect(await ready(worker.url)).toEqual({ status: 200, body: { ready: true } });
  expect((await fetch(`${worker.url}/metrics`)).status).toBe(401);
  await subjectOf(worker).call("list_configs");
  expect(Object.fromEntries(await scrape(worker.url))).toMatchObject({
    'tool_calls_total{tool="list_configs",outcome="ok"}': 1,
    'machine_connected{machine="box"}': 1,
    'machine_jobs{machine="box",state="running"}': 0,
  });
  await worker.close();
});

test("a machine of its own is ready as soon as it listens", async () => {
  const program = await startProgram();
  expect(await ready(program.url)).toEqual({ status: 200, body: { ready: true } });
  await program.close();
});
