// wait_for_training as a task, for clients that know tasks: it lasts as long as the job does, over restarts of this
// server and of the machine, because all that it is stands in its id.
import type { CallToolResult } from "@modelcontextprotocol/server";
import * as v from "valibot";
import { ERRORS, errorText, ToolError, toToolError } from "../../shared/errors.ts";
import { getTrainingStatus, JOB_STATUSES, waitForTraining } from "../../shared/tools/training.ts";
import type { AroundCall, Visitor } from "../mcp/features.ts";
import { createdTask, type Task, type Tasks, takesTasks } from "../mcp/tasks.ts";
import { mcpError, mcpResult } from "../render.ts";
import { formatAddress } from "./address.ts";
import { ask } from "./ask.ts";
import type { Memory } from "./memory.ts";
import { formatTaskId, parseTaskId, type Waiting } from "./task-id.ts";

/** When the run itself cannot say when to look again. */
const POLL_SECONDS = 15;

const Status = v.looseObject({
  status: v.picklist(JOB_STATUSES),
  phase: v.optional(v.string()),
  step: v.optional(v.nullable(v.number())),
  total_steps: v.optional(v.nullable(v.number())),
  finished_at: v.optional(v.nullable(v.string())),
  as_of: v.optional(v.string()),
  next_poll_seconds: v.optional(v.nullable(v.number())),
  agent_online: v.optional(v.boolean()),
  machine: v.optional(v.string()),
});
type Status = v.InferOutput<typeof Status>;

/** How a job stands: its status, or why nobody can say. */
type Known = Status | ToolError;

const Wanted = v.looseObject({
  job_id: v.string(),
  seconds: v.optional(v.never()),
  machine: v.optional(v.string()),
});

const hasEnded = ({ status }: Status) => status !== "pending" && status !== "running";

export interface WaitingTasks {
  readonly around: AroundCall;
  readonly tasks: Tasks;
}

export function waitingTasks({ backend, id: caller }: Visitor, memory: () => Memory): WaitingTasks {
  const machines = () => backend.machines?.() ?? [];

  const look = async ({ jobId, machine }: Omit<Waiting, "createdMs">, signal: AbortSignal) => {
    // One that has been renamed since, or is the only one left, is found by its job.
    const known = machine !== undefined && machines().includes(machine) ? machine : undefined;
    try {
      const asking = { backend, signal };
      const { json } = await ask(asking, getTrainingStatus.name, { job_id: jobId }, known);
      return v.parse(Status, json);
    } catch (thrown) {
      return toToolError(thrown);
    }
  };

  const find = async (taskId: string) => {
    const waiting = await parseTaskId(memory().key, caller, taskId);
    return waiting && { ...waiting, taskId };
  };

  return {
    async around({ name, args, client }, context, go) {
      if (name !== waitForTraining.name || !takesTasks(client)) return go();
      // Who names the seconds wants an answer after so many.
      const wanted = v.safeParse(Wanted, args);
      if (!wanted.success) return go();
      const { job_id: jobId, machine } = wanted.output;
      const known = await look({ jobId, machine }, context.mcpReq.signal);
      // What has ended, or is not there at all, needs no waiting.
      if (known instanceof ToolError || hasEnded(known)) return go();
      const waiting = {
        jobId,
        machine: machines().length > 0 ? known.machine : undefined,
        createdMs: Date.now(),
      };
      const taskId = await formatTaskId(memory().key, caller, waiting);
      return createdTask(taskOf({ ...waiting, taskId }, known));
    },

    tasks: {
      async get(taskId, signal) {
        const task = await find(taskId);
        if (!task) return undefined;
        if (memory().isGivenUp(taskId)) return cancelled(task);
        return taskOf(task, await look(task, signal));
      },
      /** The waiting ends, not the training: that is for stop_training. */
      async cancel(taskId, signal) {
        const task = await find(taskId);
        if (!task) return false;
        const known = await look(task, signal);
        if (taskOf(task, known).status === "working") memory().giveUp(taskId);
        return true;
      },
      /** It never asks for anything. */
      update: async (taskId) => (await find(taskId)) !== undefined,
      async resourceOf(taskId) {
        const task = await find(taskId);
        return task && formatAddress({ kind: "job", name: task.jobId, part: "" });
      },
    },
  };
}

type Named = Waiting & { readonly taskId: string };

function taskOf({ taskId, createdMs }: Named, known: Known): Task {
  const base = { taskId, createdAt: new Date(createdMs).toISOString(), ttlMs: null };
  const now = new Date().toISOString();
  if (known instanceof ToolError) {
    // A machine that is away has not ended its run.
    if (ERRORS[known.code].retry)
      return { ...base, ...working(now, POLL_SECONDS), statusMessage: errorText(known) };
    return { ...base, status: "completed", lastUpdatedAt: now, result: toResult(mcpError(known)) };
  }
  if (!hasEnded(known)) {
    const { as_of = now, next_poll_seconds } = known;
    return { ...base, ...working(as_of, next_poll_seconds ?? POLL_SECONDS), statusMessage: inWords(known) };
  }
  const result = mcpResult({ kind: "json", output: { ...known, ended: true } });
  return { ...base, status: "completed", lastUpdatedAt: known.finished_at ?? now, result: toResult(result) };
}

const working = (lastUpdatedAt: string, seconds: number) =>
  ({ status: "working", lastUpdatedAt, pollIntervalMs: Math.max(1, Math.round(seconds)) * 1_000 }) as const;

/** Inside a task a result says what kind it is, as it does outside. */
const toResult = (result: CallToolResult) => ({ ...result, resultType: "complete" });

const cancelled = ({ taskId, createdMs }: Named): Task => ({
  taskId,
  status: "cancelled",
  statusMessage: "No longer waited for; the training itself goes on",
  createdAt: new Date(createdMs).toISOString(),
  lastUpdatedAt: new Date(createdMs).toISOString(),
  ttlMs: null,
});

function inWords({ status, phase, step, total_steps, agent_online, as_of }: Status): string {
  const where = step == null ? (phase ?? status) : `${phase ?? status}, step ${step}`;
  const all = step == null || total_steps == null ? where : `${where}/${total_steps}`;
  return agent_online === false ? `The machine is offline; at ${as_of} it was at: ${all}` : all;
}
