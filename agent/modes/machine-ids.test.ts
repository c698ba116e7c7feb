import { rm } from "node:fs/promises";
import { vi } from "vitest";
import { machineIdSuite } from "../testing/machine-ids.suite.ts";
import { newDataFolder } from "../testing/program.ts";
import { startRouter } from "../testing/routed.ts";

vi.setConfig({ testTimeout: 60_000 });

machineIdSuite("a router on Node", async () => {
  const data = await newDataFolder();
  let router = await startRouter({ data });
  const { url } = router;
  return {
    url,
    async restart() {
      await router.stop();
      router = await startRouter({ data, port: Number(new URL(url).port) });
    },
    async close() {
      await router.close();
      await rm(data, { recursive: true, force: true, maxRetries: 10 });
    },
  };
});
