// Tasks that a client listens to (`taskIds` of subscriptions/listen). The SDK does not know them. Each of our tasks is
// about a resource, so the SDK is asked for that one's changes, and what it then tells is told as the task's instead.
import type { Task, Tasks } from "./tasks.ts";
import { takesTasks } from "./tasks.ts";

type Json = Readonly<Record<string, unknown>>;

/** More tasks in one subscription than these are not taken. */
const TASKS_MAX = 100;
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const stringsIn = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];

export interface TaskListening {
  /** The request as the SDK is to see it. */
  readonly body: unknown;
  /** The SDK's answer as the client is to see it. */
  translate(response: Response): Response;
}

/** undefined: this request listens to no task. */
export async function listenToTasks(
  body: unknown,
  tasks: Tasks,
  signal: AbortSignal,
): Promise<TaskListening | undefined> {
  const params = isObject(body) && isObject(body["params"]) ? body["params"] : {};
  const filter = isObject(params["notifications"]) ? params["notifications"] : {};
  const { taskIds, ...others } = filter;
  const meta = isObject(params["_meta"]) ? params["_meta"] : {};
  if (!Array.isArray(taskIds) || !takesTasks(meta[CAPABILITIES] as Parameters<typeof takesTasks>[0]))
    return undefined;
  const own = new Set(stringsIn(others["resourceSubscriptions"]));
  const watched = new Map<string, string>();
  for (const id of stringsIn(taskIds).slice(0, TASKS_MAX)) {
    const uri = await tasks.resourceOf?.(id);
    if (uri !== undefined) watched.set(id, uri);
  }
  const resourceSubscriptions = [...new Set([...own, ...watched.values()])];
  const notifications = { ...others, ...(resourceSubscriptions.length > 0 && { resourceSubscriptions }) };
  const told = new Map<string, string>();

  const newsOf = async (ids: readonly string[], _meta: unknown): Promise<Json[]> => {
    const found = await Promise.all(ids.map((id) => tasks.get(id, signal)));
    return found
      .filter((task) => task !== undefined && isNew(task, told))
      .map((task) => ({ jsonrpc: "2.0", method: "notifications/tasks", params: { ...task, _meta } }));
  };
  /** What goes out in place of one message. */
  const instead = async (message: Json): Promise<Json[]> => {
    const given = isObject(message["params"]) ? message["params"] : {};
    switch (message["method"]) {
      case "notifications/subscriptions/acknowledged": {
        const { resourceSubscriptions: honoured, ...rest } = given["notifications"] as Json;
        const mine = stringsIn(honoured).filter((uri) => own.has(uri));
        const agreed = {
          ...rest,
          ...(mine.length > 0 && { resourceSubscriptions: mine }),
          taskIds: [...watched.keys()],
        };
        const acknowledged = { ...message, params: { ...given, notifications: agreed } };
        // One that has ended before it was listened to would never be heard of.
        return [acknowledged, ...(await newsOf([...watched.keys()], given["_meta"]))];
      }
      case "notifications/resources/updated": {
        const { uri, _meta } = given;
        const about = [...watched].filter(([, resource]) => resource === uri).map(([id]) => id);
        const isAskedFor = typeof uri === "string" && own.has(uri);
        return [...(isAskedFor ? [message] : []), ...(await newsOf(about, _meta))];
      }
      default:
        return [message];
    }
  };

  return {
    body: { ...(body as Json), params: { ...params, notifications } },
    translate: (response) => translated(response, instead),
  };
}

function isNew({ taskId, status, statusMessage }: Task, told: Map<string, string>): boolean {
  const now = `${status} ${statusMessage}`;
  const isOther = told.get(taskId) !== now;
  told.set(taskId, now);
  return isOther;
}

/** Each message of an SSE stream, and what is no message as it is. */
function translated(response: Response, instead: (message: Json) => Promise<readonly Json[]>): Response {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body)
    return response;
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  let rest = "";
  const frames = new TransformStream<Uint8Array, Uint8Array>({
    async transform(chunk, controller) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = parts.pop() ?? "";
      for (const frame of parts) {
        const [, data] = /^data: (.*)$/m.exec(frame) ?? [];
        const out =
          data === undefined
            ? [frame]
            : (await instead(JSON.parse(data) as Json)).map(
                (message) => `event: message\ndata: ${JSON.stringify(message)}`,
              );
        for (const each of out) controller.enqueue(encoder.encode(`${each}\n\n`));
      }
    },
  });
  return new Response(response.body.pipeThrough(frames), response);
}
