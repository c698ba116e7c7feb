// Files of a machine through the Worker: a socket of their own for the bytes, in workerd.
import { vi } from "vitest";
import { downloadSuite } from "../testing/downloads.suite.ts";
import { problemPagesSuite } from "../testing/problem-pages.suite.ts";
import { revokedLinksSuite } from "../testing/revoked-links.suite.ts";
import { startWorkerRouted } from "../testing/worker.ts";

vi.setConfig({ testTimeout: 60_000 });

downloadSuite("through a Worker", () => startWorkerRouted(), { overLine: true });

revokedLinksSuite("through a Worker", () => startWorkerRouted());

problemPagesSuite("through a Worker", () => startWorkerRouted());
