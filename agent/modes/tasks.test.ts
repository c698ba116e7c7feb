// wait_for_training as a task: clients that know the extension, real processes that come and go.
import { expect, onTestFinished, test, vi } from "vitest";
import { checkResult } from "../testing/answers.ts";
import { type Caller, callerOf, type Json } from "../testing/caller.ts";
import { listen } from "../testing/listen.ts";
import { type Program, startProgram } from "../testing/program.ts";
import { CLIENT_TOKEN, connected, startAgent, startRouter } from "../testing/routed.ts";
import { putRun, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 120_000 });
const PATIENCE = { timeout: 30_000, interval: 50 };
const env = { MCP_AI_TOOLKIT_STOP_GRACE: "0.4" };
const TASKS = { extensions: { "io.modelcontextprotocol/tasks": {} } };
const ENDLESS = { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } };

const owned = <T extends Pick<Program, "close">>(program: T): T => {
  onTestFinished(() => program.close());
  return program;
};

async function resultOf(answer: ReturnType<Caller["modernRpc"]>): Promise<Json> {
  const { result, error } = await answer;
  if (!result) throw new Error(`no result: ${JSON.stringify(error)}`);
  return result;
}

const wait = (caller: Caller, args: object, can: object = TASKS) =>
  resultOf(
    caller.modernRpc("tools/call", { name: "wait_for_training", arguments: args }, "wait_for_training", can),
  );
const task = (caller: Caller, method: string, taskId: unknown, more: object = {}) =>
  caller.modernRpc(`tasks/${method}`, { taskId, ...more }, String(taskId), TASKS);

test("a task is found and finished after its router and its machine were started again", async () => {
  const router = owned(await startRouter());
  const agent = owned(await startAgent(router.url, "box", { env }));
  await connected(agent);
  const before = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: agent.data });
  await putRun(before.paths, "long", ENDLESS);
  const { job_id } = await before.call("start_training", { config_name: "long" });
  const created = await wait(before, { job_id });
  expect(created).toMatchObject({ resultType: "task", status: "working", ttlMs: null });
  const { taskId } = created;

  await router.stop();
  const again = owned(await startRouter({ data: router.data, port: Number(new URL(router.url).port) }));
  const after = callerOf(again.url, CLIENT_TOKEN);
  const stands = () => resultOf(task(after, "get", taskId));
  // At once, while the machine may not be back yet; and when it is.
  expect(await stands()).toMatchObject({ taskId, status: "working", createdAt: created["createdAt"] });
  await connected(agent, 2);
  await agent.kill9();
  await vi.waitFor(
    async () =>
      expect(await stands()).toMatchObject({
        status: "working",
        statusMessage: expect.stringContaining("offline"),
      }),
    PATIENCE,
  );
  const back = owned(await startAgent(again.url, "box", { env, data: agent.data }));
  await connected(back);
  await after.call("stop_training", { job_id });
  await vi.waitFor(async () => expect(await stands()).toMatchObject({ status: "completed" }), PATIENCE);
  const { result } = await stands();
  expect(result).toMatchObject({ structuredContent: { job_id, status: "stopped", ended: true } });
  checkResult("wait_for_training", result);
});

test("in standalone, too: a task outlives the process, can be given up, and is nobody's who does not ask for one", async () => {
  const first = owned(await startProgram({ env }));
  const subject = subjectOf(first);
  await putRun(subject.paths, "long", ENDLESS);
  const { job_id } = await subject.call("start_training", { config_name: "long" });
  const [one, two] = [await wait(subject, { job_id }), await wait(subject, { job_id })];
  for (const ordinary of [
    await wait(subject, { job_id, seconds: 1 }),
    await resultOf(
      subject.rpc("tools/call", { name: "wait_for_training", arguments: { job_id, seconds: 1 } }),
    ),
  ]) {
    expect(ordinary).toMatchObject({ structuredContent: { ended: false } });
    expect(ordinary).not.toHaveProperty("taskId");
  }
  expect(await resultOf(subject.modernRpc("server/discover"))).toMatchObject({ capabilities: TASKS });

  await first.stop();
  const second = owned(await startProgram({ env, data: first.data }));
  const after = callerOf(second.url);
  expect(await resultOf(task(after, "cancel", one["taskId"]))).toMatchObject({ resultType: "complete" });
  expect(await resultOf(task(after, "update", one["taskId"], { inputResponses: {} }))).toMatchObject({});
  expect(await resultOf(task(after, "get", one["taskId"]))).toMatchObject({ status: "cancelled" });
  // The training goes on, and so does whoever else waits for it.
  expect(await resultOf(task(after, "get", two["taskId"]))).toMatchObject({ status: "working" });
  expect(await after.call("get_training_status", { job_id })).toMatchObject({ status: "running" });
  expect(await task(after, "get", "made-up")).toMatchObject({ error: { code: -32602 } });
  expect(await after.modernRpc("tasks/get", { taskId: two["taskId"] }, String(two["taskId"]))).toMatchObject({
    error: { code: -32021 },
  });
});

test("who listens to a task hears how it stands, and its result, without asking", async () => {
  const program = owned(await startProgram({ env }));
  const subject = subjectOf(program);
  await putRun(subject.paths, "long", ENDLESS);
  const { job_id } = await subject.call("start_training", { config_name: "long" });
  const { taskId } = await wait(subject, { job_id });
  const { heard, leave } = await listen(program.url, undefined, { taskIds: [taskId, "made-up"] }, TASKS);
  expect(heard[0]).toMatchObject({
    method: "notifications/subscriptions/acknowledged",
    params: { notifications: { taskIds: [taskId] } },
  });
  expect(heard[0]?.params?.["notifications"]).not.toHaveProperty("resourceSubscriptions");
  const news = () =>
    heard.filter(({ method }) => method === "notifications/tasks").map(({ params }) => params);
  await vi.waitFor(() => expect(news()[0]).toMatchObject({ taskId, status: "working" }), PATIENCE);
  await subject.call("stop_training", { job_id });
  await vi.waitFor(() => expect(news().at(-1)).toMatchObject({ status: "completed" }), PATIENCE);
  expect(news().at(-1)).toMatchObject({ result: { structuredContent: { status: "stopped", ended: true } } });
  // Of the job itself nobody asked to hear.
  expect(heard.map(({ method }) => method)).not.toContain("notifications/resources/updated");
  leave();
  // Who comes too late hears of the end, too.
  const late = await listen(program.url, undefined, { taskIds: [taskId] }, TASKS);
  await vi.waitFor(
    () => expect(late.heard[1]?.params).toMatchObject({ taskId, status: "completed" }),
    PATIENCE,
  );
  late.leave();

  // Who does not know tasks is not told of any.
  const other = await listen(program.url, undefined, { taskIds: [taskId] });
  await other.ended;
  expect(other.heard[0]?.params?.["notifications"]).toEqual({});
});
