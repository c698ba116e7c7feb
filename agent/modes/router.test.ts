// A router and an agent as two processes on a real WebSocket: whatever holds in one process holds here.
import { vi } from "vitest";
import { contractSuite } from "../testing/contract.suite.ts";
import { startRouted } from "../testing/routed.ts";

vi.setConfig({ testTimeout: 30_000 });

contractSuite("router and agent", () => startRouted(), {
  skip: { "large models": "one frame of the link carries 32 MiB; larger files go by download link" },
});
