// Clients that listen: to a run while it goes on, and to machines that come and go.
import { expect, onTestFinished, test, vi } from "vitest";
import { listen } from "../testing/listen.ts";
import { listenersSuite } from "../testing/listeners.suite.ts";
import { type Program, startProgram } from "../testing/program.ts";
import { CLIENT_TOKEN, connected, startAgent, startRouter } from "../testing/routed.ts";
import { putRun, subjectOf } from "../testing/subject.ts";
import { startWorker } from "../testing/worker.ts";

vi.setConfig({ testTimeout: 60_000 });
const PATIENCE = { timeout: 20_000, interval: 25 };
const env = { MCP_AI_TOOLKIT_STOP_GRACE: "0.4" };

const owned = <T extends Pick<Program, "close">>(program: T): T => {
  onTestFinished(() => program.close());
  return program;
};

test("who listens to a run hears of its steps and of its end, and is let go when the server ends", async () => {
  const program = owned(await startProgram({ env }));
  const subject = subjectOf(program);
  await putRun(subject.paths, "long", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  const { job_id } = await subject.call("start_training", { config_name: "long" });
  const uri = `job://${job_id}`;
  const { heard, ended } = await listen(program.url, undefined, {
    resourceSubscriptions: [uri],
    resourcesListChanged: true,
  });
  expect(heard[0]).toMatchObject({
    method: "notifications/subscriptions/acknowledged",
    params: { notifications: { resourceSubscriptions: [uri] } },
  });
  const updates = () => heard.filter(({ method }) => method === "notifications/resources/updated");
  // A second later it has come further.
  await vi.waitFor(() => expect(updates().length).toBeGreaterThan(1), PATIENCE);
  expect(updates()[0]?.params).toMatchObject({ uri });
  await subject.call("stop_training", { job_id });
  const listChanged = expect.objectContaining({ method: "notifications/resources/list_changed" });
  await vi.waitFor(() => expect(heard).toContainEqual(listChanged), PATIENCE);
  const stopped = program.stop();
  await ended;
  expect(await stopped).toBe(0);
});

test("a machine that joins is heard of by who listens to the list of tools", async () => {
  const router = owned(await startRouter());
  const first = owned(await startAgent(router.url, "one", { env }));
  await connected(first);
  const { heard, leave } = await listen(router.url, CLIENT_TOKEN, { toolsListChanged: true });
  const subject = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: first.data });
  const argumentsOf = async () => {
    const { result } = await subject.modernRpc("tools/list");
    const tools = result?.["tools"] as { name: string; inputSchema: { properties?: object } }[];
    return Object.keys(tools.find(({ name }) => name === "list_configs")?.inputSchema.properties ?? {});
  };
  expect(await argumentsOf()).not.toContain("machine");
  owned(await startAgent(router.url, "two", { env }));
  const changed = expect.objectContaining({ method: "notifications/tools/list_changed" });
  await vi.waitFor(() => expect(heard).toContainEqual(changed), PATIENCE);
  expect(await argumentsOf()).toContain("machine");
  leave();
});

listenersSuite("a router on Node", () => startRouter());
listenersSuite("a Worker", () => startWorker());
