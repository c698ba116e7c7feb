import type { ServerContext } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import type { Backend } from "../backend.ts";
import { TASKS_EXTENSION, type Task } from "../mcp/tasks.ts";
import { IN_MEMORY, openSql } from "../node-sql.ts";
import { type Memory, openMemory, shortMemory } from "./memory.ts";
import { waitingTasks } from "./waiting.ts";

const { signal } = new AbortController();
const context = { mcpReq: { signal } } as ServerContext;
const TASKS = { extensions: { [TASKS_EXTENSION]: {} } };

const RUNNING = {
  status: "running",
  phase: "training",
  step: 420,
  total_steps: 2_000,
  next_poll_seconds: 40,
  as_of: "2026-01-01T00:00:00.000Z",
};
const DONE = { ...RUNNING, status: "completed", phase: "ended", finished_at: "2026-01-01T01:00:00.000Z" };

/** @param answer what get_training_status says, given the machine that was named */
function setUp(answer: (machine: unknown) => object, machines: readonly string[] = []) {
  const backend: Backend = {
    tools: () => [],
    hasTool: () => true,
    machines: () => machines,
    call: async (_tool, args) => ({
      kind: "json",
      output: { job_id: "j", ...answer((args as { readonly machine?: string }).machine) },
    }),
    health: async () => {
      throw new Error("not asked here");
    },
  };
  const of = (id: string, memory: Memory) => waitingTasks({ backend, id }, () => memory);
  return { of };
}

const ordinary = async () => ({ content: [{ type: "text" as const, text: "an ordinary answer" }] });

async function start({ around }: ReturnType<typeof waitingTasks>, args: object = {}, client: object = TASKS) {
  const call = { name: "wait_for_training", args: { job_id: "j", ...args }, client };
  return (await around(call, context, ordinary)) as Partial<Task> & { readonly resultType?: string };
}

test("a wait is a task that says how the job stands, and when to ask again", async () => {
  let status: object = RUNNING;
  const { around, tasks } = setUp(() => status).of("me", shortMemory());
  const created = await start({ around, tasks });
  const working = {
    status: "working",
    statusMessage: "training, step 420/2000",
    pollIntervalMs: 40_000,
    ttlMs: null,
  };
  expect(created).toMatchObject({ resultType: "task", ...working });
  const { taskId = "" } = created;
  expect(await tasks.get(taskId, signal)).toMatchObject({ taskId, ...working });
  status = DONE;
  expect(await tasks.get(taskId, signal)).toMatchObject({
    taskId,
    createdAt: created.createdAt,
    lastUpdatedAt: DONE.finished_at,
    status: "completed",
    result: { resultType: "complete", structuredContent: { job_id: "j", status: "completed", ended: true } },
  });
});

test.each([
  ["a client that does not know tasks", {}, {}, RUNNING],
  ["who says how many seconds to wait", { seconds: 20 }, TASKS, RUNNING],
  ["a job that has ended", {}, TASKS, DONE],
])("%s gets an ordinary answer", async (_who, args, client, status) => {
  const waiting = setUp(() => status).of("me", shortMemory());
  expect(await start(waiting, args, client)).toEqual(await ordinary());
});

test.each([
  ["offline", new ToolError("agent_offline", "The training machine box is offline"), "working"],
  ["busy", new ToolError("timeout", "No answer in time"), "working"],
  ["without the job", new ToolError("not_found", "Job not found"), "completed"],
])("a task whose machine is %s (%s) is %s", async (_state, error, status) => {
  let isOff = false;
  const { around, tasks } = setUp(() => {
    if (isOff) throw error;
    return RUNNING;
  }).of("me", shortMemory());
  const { taskId = "" } = await start({ around, tasks });
  isOff = true;
  const task = await tasks.get(taskId, signal);
  expect(task?.status).toBe(status);
  if (status === "working") expect(task?.statusMessage).toBe(error.message);
  else expect(task?.result).toMatchObject({ isError: true });
});

test("nobody finds another's task, nor one that was made up or changed", async () => {
  const memory = shortMemory();
  const { of } = setUp(() => RUNNING);
  const { taskId = "" } = await start(of("me", memory));
  const [body = "", signature = ""] = taskId.split(".");
  const other = btoa(JSON.stringify(["another job", null, 0, "x"])).replaceAll("=", "");
  for (const [who, id] of [
    ["you", taskId],
    ["me", `${other}.${signature}`],
    ["me", `${body}.`],
    ["me", "made up"],
    ["me", ""],
  ] as const) {
    const { tasks } = of(who, memory);
    expect(await tasks.get(id, signal), id).toBeUndefined();
    expect(await tasks.cancel(id, signal), id).toBe(false);
    expect(await tasks.update(id, {}), id).toBe(false);
  }
  expect(await of("me", shortMemory()).tasks.get(taskId, signal)).toBeUndefined();
});

test("what was given up stays given up, whatever becomes of the job, also after a restart", async () => {
  const sql = openSql(IN_MEMORY);
  let status: object = RUNNING;
  const { of } = setUp(() => status);
  const before = of("me", openMemory(sql));
  const [first, second] = [await start(before), await start(before)];
  expect(await before.tasks.cancel(first.taskId ?? "", signal)).toBe(true);
  status = DONE;
  const { tasks } = of("me", openMemory(sql));
  expect(await tasks.get(first.taskId ?? "", signal)).toMatchObject({ status: "cancelled" });
  // The other was not, and is over: too late.
  expect(await tasks.cancel(second.taskId ?? "", signal)).toBe(true);
  expect(await tasks.get(second.taskId ?? "", signal)).toMatchObject({ status: "completed" });
});

test("of several machines the one that has the job is asked, until it is renamed", async () => {
  const asked: unknown[] = [];
  const answer = (machine: unknown) => {
    asked.push(machine);
    return { ...RUNNING, machine: "box" };
  };
  const memory = shortMemory();
  const { taskId = "" } = await start(setUp(answer, ["box", "other"]).of("me", memory));
  await setUp(answer, ["box", "other"]).of("me", memory).tasks.get(taskId, signal);
  await setUp(answer, ["renamed", "other"]).of("me", memory).tasks.get(taskId, signal);
  expect(asked).toEqual([undefined, "box", undefined]);
});
