// Over real sockets, for an address is the socket's.
import { request } from "node:http";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Listening, listen } from "./node.ts";
import { addressOf } from "./node-address.ts";

let listening: Listening;
beforeAll(async () => {
  const app = new Hono();
  app.get("/", (c) => c.text(addressOf(c)));
  listening = await listen(app, { port: 0, host: "127.0.0.1" });
});
afterAll(() => listening?.close());

/** @param localAddress any of 127.0.0.0/8 is this machine's; only the first stands for a proxy here */
function ask(headers: Record<string, string>, localAddress: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const target = { host: "127.0.0.1", port: listening.port, headers, localAddress };
    request(target, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    })
      .on("error", reject)
      .end();
  });
}

test.each([
  [{}, "127.0.0.1"],
  [{ "x-forwarded-for": "203.0.113.9" }, "203.0.113.9"],
  [{ "x-forwarded-for": "10.0.0.1, 203.0.113.9" }, "203.0.113.9"],
  [{ "x-forwarded-for": "" }, "127.0.0.1"],
])("from loopback, with %j, a request comes from %s", async (headers, address) => {
  expect(await ask(headers, "127.0.0.1")).toBe(address);
});

test("from elsewhere nobody's word is taken", async () => {
  expect(await ask({ "x-forwarded-for": "203.0.113.9" }, "127.0.0.2")).toBe("127.0.0.2");
});
