// The Tasks extension (SEP-2663): a call whose answer takes long is answered at once with a task, and asked for later.
// What a task is, and where it is kept, is for the features to say.
import {
  type ClientCapabilities,
  type InputRequests,
  type InputResponses,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import * as v from "valibot";
import { declaredWith } from "./client.ts";
import { protocolError } from "./failure.ts";

export const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";

/** A task as it is now, in the words of the wire. */
export interface Task {
  readonly taskId: string;
  readonly status: "working" | "input_required" | "completed" | "failed" | "cancelled";
  readonly statusMessage?: string;
  /** ISO 8601, as all times. */
  readonly createdAt: string;
  readonly lastUpdatedAt: string;
  /** For how long it can be asked for; null: for ever. */
  readonly ttlMs: number | null;
  readonly pollIntervalMs?: number;
  /** Of a completed one: what the call would have answered. */
  readonly result?: Readonly<Record<string, unknown>>;
  /** Of a failed one: the JSON-RPC error that the call would have ended with. */
  readonly error?: { readonly code: number; readonly message: string };
  /** What it waits for. */
  readonly inputRequests?: InputRequests;
}

/** `content`: the SDK lets no answer to tools/call out without one. */
export type CreatedTask = Task & { readonly resultType: "task"; readonly content: readonly [] };

export interface Tasks {
  /** undefined: this caller has no such task. */
  get(id: string, signal: AbortSignal): Promise<Task | undefined>;
  /** The task's work is to end early. false: this caller has no such task. */
  cancel(id: string, signal: AbortSignal): Promise<boolean>;
  /** Answers to what the task asked for. false: this caller has no such task. */
  update(id: string, answers: InputResponses): Promise<boolean>;
  /** The resource that changes when the task does, for clients that listen. */
  resourceOf?(id: string): Promise<string | undefined>;
}

export const createdTask = (task: Task): CreatedTask => ({ resultType: "task", ...task, content: [] });

/** No client is given a task that has not said, with the very request, that it knows what to do with one. */
export function takesTasks(client: ClientCapabilities | undefined): boolean {
  return client?.extensions?.[TASKS_EXTENSION] !== undefined;
}

export function tasksRequired(): MissingRequiredClientCapabilityError {
  return new MissingRequiredClientCapabilityError({
    requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } },
  });
}

/** No id of ours is longer; what is, is not looked at. */
const ID_MAX = 1_000;

const Named = v.looseObject({ taskId: v.string() });

export function serveTasks(server: Server, tasks: Tasks, onError?: (error: unknown) => void): void {
  /** @param work answers undefined when there is no such task */
  const serve = (
    method: string,
    work: (id: string, context: ServerContext) => Promise<Readonly<Record<string, unknown>> | undefined>,
  ) =>
    server.setRequestHandler(method, { params: Named }, async ({ taskId }, context) => {
      if (!takesTasks(declaredWith(context))) throw tasksRequired();
      try {
        const found = taskId.length > ID_MAX ? undefined : await work(taskId, context);
        if (found === undefined)
          throw new ProtocolError(ProtocolErrorCode.InvalidParams, "There is no such task");
        return { ...found };
      } catch (thrown) {
        throw protocolError(thrown, onError);
      }
    });
  const acknowledged = (isThere: boolean) => (isThere ? {} : undefined);
  serve("tasks/get", async (id, context) => {
    const task = await tasks.get(id, context.mcpReq.signal);
    return task && { ...task };
  });
  serve("tasks/cancel", async (id, context) => acknowledged(await tasks.cancel(id, context.mcpReq.signal)));
  serve("tasks/update", async (id, context) =>
    // The SDK has taken them out of the parameters; each is checked where it is used.
    acknowledged(await tasks.update(id, (context.mcpReq.inputResponses ?? {}) as InputResponses)),
  );
}
