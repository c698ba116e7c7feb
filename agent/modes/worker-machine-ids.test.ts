import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { machineIdSuite } from "../testing/machine-ids.suite.ts";
import { startWorker } from "../testing/worker.ts";

vi.setConfig({ testTimeout: 60_000 });

machineIdSuite("a Worker", async () => {
  const storage = await mkdtemp(join(tmpdir(), "aitk-worker-"));
  let worker = await startWorker({ storage });
  const { url } = worker;
  return {
    url,
    async restart() {
      await worker.stop();
      worker = await startWorker({ storage, port: Number(new URL(url).port) });
    },
    async close() {
      await worker.close();
      await rm(storage, { recursive: true, force: true, maxRetries: 10 });
    },
  };
});
