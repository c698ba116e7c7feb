// Bodies that never end, over real sockets.
import { once } from "node:events";
import { connect } from "node:net";
import { Hono } from "hono";
import { expect, onTestFinished, test } from "vitest";
import { readJsonBody } from "./json-body.ts";
import { listen } from "./node.ts";

/** A server that answers GET at once, and reads what is posted; and a client of it that says this and stays. */
async function say(head: string, length = 1_000, begin = "{") {
  const app = new Hono();
  app.get("/", (c) => c.text("well"));
  app.post("/", async (c) => {
    const outcome = await readJsonBody(c.req.raw, 1_000, 50).catch((error: Error) => error.message);
    return c.text(String(outcome));
  });
  const listening = await listen(app, { port: 0, host: "127.0.0.1" });
  onTestFinished(() => listening.close(0));
  const client = connect(listening.port, "127.0.0.1");
  onTestFinished(() => void client.destroy());
  client.write(`${head} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n${begin}`);
  client.on("error", () => {}); // cut off while it writes
  const dripping = begin ? setInterval(() => client.write(" "), 100) : undefined;
  const ended = once(client, "close").finally(() => clearInterval(dripping));
  const [answer] = (await once(client, "data")) as [Buffer];
  return { answer: answer.toString(), ended };
}

test("a small body has to come in time", async () => {
  const { answer, ended } = await say("POST");
  expect(answer).toContain("The request body did not come within 0.05 s");
  await ended;
});

test("a body that says it is too large is refused before any of it comes", async () => {
  const { answer, ended } = await say("POST", 2_000, "");
  expect(answer).toContain("The request body is larger than");
  await ended;
});

test("who was answered does not hold the connection with a body that nobody reads", async () => {
  const { answer, ended } = await say("GET");
  expect(answer).toContain("well");
  await ended;
});
