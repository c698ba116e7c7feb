// For tests: a call that says it is larger than may be, and is answered when it has only begun. With all of it under way
// the answer would race with the end of the connection.
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import type { Json } from "./caller.ts";

export interface BegunCall {
  readonly bytes: number;
  readonly body: object;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** POSTs the beginning of `body`, of which there is to be so much. */
export async function begunCall(
  url: string,
  { bytes, body, token, headers = {} }: BegunCall,
): Promise<{ readonly status: number | undefined; readonly json: Json }> {
  const sent = request(url, {
    method: "POST",
    agent: false,
    headers: {
      "content-type": "application/json",
      "content-length": String(bytes),
      ...(token && { authorization: `Bearer ${token}` }),
      ...headers,
    },
  });
  sent.write(JSON.stringify(body).slice(0, -1));
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const json = JSON.parse(await text(answer)) as Json;
  sent.destroy();
  return { status: answer.statusCode, json };
}
