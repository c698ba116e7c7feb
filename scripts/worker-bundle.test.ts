import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { bundleWorker } from "./worker-bundle.ts";

/** As wrangler counts them. */
const KB = 1_024;

test("the Worker imports nothing but the runtime, and weighs at most 130 KB", {
  timeout: 60_000,
}, async () => {
  const { code, imports } = await bundleWorker();
  expect(imports).toEqual(["cloudflare:workers"]);
  expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(130 * KB);
});
