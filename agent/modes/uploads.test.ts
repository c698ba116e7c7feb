import { vi } from "vitest";
import { startProgram } from "../testing/program.ts";
import { startRouted } from "../testing/routed.ts";
import { uploadSuite } from "../testing/uploads.suite.ts";

vi.setConfig({ testTimeout: 60_000 });

uploadSuite("on the LAN, to the agent itself", () => startProgram());
uploadSuite("through a router", () => startRouted(), { images: 2_000, overLine: true });
