// Tools of the fixture that take long, and become tasks for clients that know what to do with one. These live in memory,
// where the real ones are derived from a job.
import {
  acceptedContent,
  type CallToolResult,
  type InputResponse,
  inputRequired,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { AroundCall } from "../../router/mcp/features.ts";
import { createdTask, type Task, type Tasks, takesTasks, tasksRequired } from "../../router/mcp/tasks.ts";

type Args = Readonly<Record<string, unknown>>;

/** What a tool that runs as a task can do. */
interface Running {
  readonly signal: AbortSignal;
  ask(message: string, properties: Readonly<Record<string, object>>): Promise<InputResponse>;
}

interface LongTool {
  readonly run: (args: Args, running: Running) => Promise<CallToolResult>;
  /** Without a task there is no way to answer. */
  readonly onlyAsTask?: boolean;
  /** What is asked before there is a task. */
  readonly first?: (context: ServerContext) => ReturnType<typeof inputRequired> | undefined;
}

/** Without Node's own: the fixture runs in workerd, too. */
const delay = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
  });

const says = (text: string, isError = false): CallToolResult => ({
  content: [{ type: "text", text }],
  ...(isError && { isError }),
});
const form = (message: string, properties: Readonly<Record<string, object>>) =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: "object", properties, required: Object.keys(properties) } as Parameters<
      typeof inputRequired.elicit
    >[0]["requestedSchema"],
  });
const NAME = { name: { type: "string" } };

const LONG_TOOLS: Readonly<Record<string, LongTool>> = {
  slow_compute: {
    async run({ seconds, label }, { signal }) {
      await delay(Number(seconds ?? 0) * 1_000, signal);
      return says(`Computed ${label ?? ""}`);
    },
  },
  failing_job: {
    onlyAsTask: true,
    async run(_args, { signal }) {
      await delay(300, signal);
      return says("The job failed.", true);
    },
  },
  protocol_error_job: {
    onlyAsTask: true,
    run: async () => {
      throw new Error("This job breaks the protocol");
    },
  },
  confirm_delete: {
    onlyAsTask: true,
    async run({ filename }, { ask }) {
      const answer = await ask(`Delete ${filename}?`, { confirm: { type: "boolean" } });
      return says(`Answered: ${JSON.stringify(answer)}`);
    },
  },
  multi_input: {
    onlyAsTask: true,
    async run(_args, { ask }) {
      const answers = await Promise.all([
        ask("What is your name?", NAME),
        ask("Go on?", { confirm: { type: "boolean" } }),
      ]);
      return says(`Answered: ${JSON.stringify(answers)}`);
    },
  },
  test_tool_with_task: {
    onlyAsTask: true,
    first: ({ mcpReq: { inputResponses } }) =>
      acceptedContent(inputResponses, "user_name")
        ? undefined
        : inputRequired({ inputRequests: { user_name: form("What is your name?", NAME) } }),
    async run({ name }, { signal }) {
      await delay(100, signal);
      return says(`Hello, ${name}`);
    },
  },
};

export const LONG_TOOL_NAMES = Object.keys(LONG_TOOLS);

class FixtureTask {
  #task: Task;
  readonly #cancel = new AbortController();
  readonly #asked = new Map<
    string,
    { readonly request: ReturnType<typeof form>; readonly answer: (response: InputResponse) => void }
  >();

  constructor({ run }: LongTool, args: Args) {
    const now = new Date().toISOString();
    this.#task = {
      taskId: crypto.randomUUID(),
      status: "working",
      createdAt: now,
      lastUpdatedAt: now,
      ttlMs: 600_000,
      pollIntervalMs: 200,
    };
    const ask: Running["ask"] = (message, properties) =>
      new Promise((answer) => {
        this.#asked.set(crypto.randomUUID(), { request: form(message, properties), answer });
        this.#become({ status: "input_required" });
      });
    run(args, { signal: this.#cancel.signal, ask }).then(
      (result) => this.#become({ status: "completed", result }),
      (error: unknown) =>
        this.#become({ status: "failed", error: { code: -32603, message: (error as Error).message } }),
    );
  }

  get view(): Task {
    const isAsking = this.#task.status === "input_required";
    const inputRequests = Object.fromEntries([...this.#asked].map(([key, { request }]) => [key, request]));
    return { ...this.#task, ...(isAsking && { inputRequests }) };
  }

  cancel(): void {
    this.#become({ status: "cancelled" });
    this.#cancel.abort();
  }

  answer(responses: Readonly<Record<string, InputResponse>>): void {
    const answered = [...this.#asked].filter(([key]) => key in responses);
    for (const [key] of answered) this.#asked.delete(key);
    if (this.#asked.size === 0) this.#become({ status: "working" });
    for (const [key, { answer }] of answered) answer(responses[key] as InputResponse);
  }

  #become(change: Partial<Task>): void {
    if (["completed", "failed", "cancelled"].includes(this.#task.status)) return;
    this.#task = { ...this.#task, ...change, lastUpdatedAt: new Date().toISOString() };
  }
}

const running = new Map<string, FixtureTask>();

/** Stands before `rest`, which has the tools that answer at once. */
export const aroundLongTools =
  (rest: AroundCall): AroundCall =>
  async (call, context, go) => {
    const { name, args, client } = call;
    if (name === "greet") return says(`Hello, ${args["name"]}!`);
    const tool = LONG_TOOLS[name];
    if (!tool) return rest(call, context, go);
    if (!takesTasks(client)) {
      if (tool.onlyAsTask) throw tasksRequired();
      const ask = () => Promise.reject(new Error("There is no task to ask by"));
      return tool.run(args, { signal: context.mcpReq.signal, ask });
    }
    const question = tool.first?.(context);
    if (question) return question;
    const answered = acceptedContent(context.mcpReq.inputResponses, "user_name");
    const task = new FixtureTask(tool, { ...args, ...answered });
    running.set(task.view.taskId, task);
    return createdTask(task.view);
  };

const isThere = (id: string, work: (task: FixtureTask) => void): boolean => {
  const task = running.get(id);
  if (task) work(task);
  return task !== undefined;
};

export const tasks: Tasks = {
  get: async (id) => running.get(id)?.view,
  cancel: async (id) => isThere(id, (task) => task.cancel()),
  update: async (id, answers) => isThere(id, (task) => task.answer(answers)),
};
