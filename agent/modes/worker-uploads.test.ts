// Files to a machine through the Worker: a socket of their own for the bytes, in workerd.
import { vi } from "vitest";
import { uploadSuite } from "../testing/uploads.suite.ts";
import { startWorkerRouted } from "../testing/worker.ts";

vi.setConfig({ testTimeout: 60_000 });

uploadSuite("through a Worker", () => startWorkerRouted(), { overLine: true });
