// For tests: subscriptions/listen as clients of 2026-07-28 open it.
import * as v from "valibot";

const Message = v.looseObject({
  method: v.optional(v.string()),
  params: v.optional(v.record(v.string(), v.unknown())),
  result: v.optional(v.unknown()),
});
export type Heard = v.InferOutput<typeof Message>;

export interface Listening {
  /** All messages so far, in order. */
  readonly heard: readonly Heard[];
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  leave(): void;
}

const MODERN = "2026-07-28";

/** Resolves with the first message. @throws Error with what was answered instead of a stream */
export async function listen(
  url: string,
  token: string | undefined,
  notifications: object,
  can: object = {},
): Promise<Listening> {
  const leaving = new AbortController();
  const response = await fetch(`${url}/mcp`, {
    method: "POST",
    signal: leaving.signal,
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": MODERN,
      "mcp-method": "subscriptions/listen",
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 5,
      method: "subscriptions/listen",
      params: {
        notifications,
        _meta: {
          "io.modelcontextprotocol/protocolVersion": MODERN,
          "io.modelcontextprotocol/clientCapabilities": can,
        },
      },
    }),
  });
  if (!response.body || !response.headers.get("content-type")?.startsWith("text/event-stream"))
    throw new Error(`no stream: HTTP ${response.status} ${await response.text()}`);
  const heard: Heard[] = [];
  const first = Promise.withResolvers<void>();
  const read = async (body: NonNullable<Response["body"]>) => {
    let rest = "";
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      const frames = (rest + text).split("\n\n");
      rest = frames.pop() ?? "";
      for (const frame of frames) {
        const [, data] = /^data: (.*)$/m.exec(frame) ?? [];
        if (data !== undefined) heard.push(v.parse(Message, JSON.parse(data)));
      }
      if (heard.length > 0) first.resolve();
    }
  };
  const ended = read(response.body);
  ended.catch(() => {}); // left: whoever waits for the end hears of it
  await Promise.race([first.promise, ended]);
  return { heard, ended, leave: () => leaving.abort() };
}
