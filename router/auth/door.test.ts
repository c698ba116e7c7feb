// The door in front of a stream, with tokens of a real store.
import { Hono } from "hono";
import { expect, test } from "vitest";
import { SILENT } from "../../shared/log.ts";
import type { AppEnv } from "../app-env.ts";
import type { Backend } from "../backend.ts";
import { openSql } from "../node-sql.ts";
import { door } from "./door.ts";
import { FailureLimit } from "./failures.ts";
import { clientTokens, TokenStore } from "./tokens.ts";

const backend: Backend = {
  tools: () => [],
  hasTool: () => false,
  call: () => Promise.reject(new Error("not called here")),
  health: () => Promise.reject(new Error("not asked here")),
};

test("a stream tells nothing more once its caller's token is revoked, and lets go of what it tells of", async () => {
  const sql = openSql(":memory:");
  const tokens = new TokenStore(sql);
  const { token, secret } = await tokens.create({ kind: "client", label: "phone", scopes: ["read"] });
  const source = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  const letGo = Promise.withResolvers<void>();
  const app = new Hono<AppEnv>();
  app.use(
    door({
      authenticate: clientTokens(tokens),
      viewOf: () => backend,
      isOpen: () => false,
      addressOf: () => "here",
      failures: new FailureLimit(),
      oauth: undefined,
      log: SILENT,
    }),
  );
  app.get("/news", () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => source.resolve(controller),
      cancel: () => letGo.resolve(),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const response = await app.request("/news", { headers: { authorization: `Bearer ${secret}` } });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const news = await source.promise;
  const tell = (text: string) => news.enqueue(new TextEncoder().encode(text));

  tell("for a friend");
  expect(await reader?.read()).toEqual({ done: false, value: "for a friend" });
  tokens.revoke(token.id);
  tell("for nobody");
  expect(await reader?.read()).toEqual({ done: true, value: undefined });
  await letGo.promise;
  sql.close();
});
