// The router as a Worker in workerd, the runtime of Cloudflare Workers, and an agent as a real process: whatever holds on
// Node holds there.
import { vi } from "vitest";
import { contractSuite } from "../testing/contract.suite.ts";
import { startWorkerRouted } from "../testing/worker.ts";

vi.setConfig({ testTimeout: 30_000 });

contractSuite("Worker and agent", () => startWorkerRouted(), {
  skip: {
    "large models": "one frame of the link carries 32 MiB; larger files go by download link",
    "huge bodies":
      "workerd by itself cuts the line under a client that is still sending; Cloudflare's edge does not",
  },
});
