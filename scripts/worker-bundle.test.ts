import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { CLIENT_TOKEN } from "../agent/testing/routed.ts";
import { subjectOf } from "../agent/testing/subject.ts";
import { startWorker } from "../agent/testing/worker.ts";
import { bundleWorker } from "./worker-bundle.ts";

/** Of a thousand bytes: the smaller of the two that people mean. */
const KB = 1_000;

test("the Worker imports nothing but the runtime, and weighs at most 130 KB", {
  timeout: 60_000,
}, async () => {
  const { code, imports } = await bundleWorker();
  expect(imports).toEqual(["cloudflare:workers"]);
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(130 * KB);
});

test("what is left of the SDK serves MCP, in both eras", { timeout: 60_000 }, async () => {
  const worker = await startWorker();
  try {
    const { rpc, modernRpc } = subjectOf({ url: worker.url, token: CLIENT_TOKEN, data: "" });
    for (const answer of [await rpc("tools/list"), await modernRpc("tools/list")])
      expect(answer.result).toMatchObject({ tools: expect.arrayContaining([expect.anything()]) });
  } finally {
    await worker.close();
  }
});
