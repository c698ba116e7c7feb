import { vi } from "vitest";
import { downloadSuite } from "../testing/downloads.suite.ts";
import { problemPagesSuite } from "../testing/problem-pages.suite.ts";
import { startProgram } from "../testing/program.ts";
import { revokedLinksSuite } from "../testing/revoked-links.suite.ts";
import { startRouted } from "../testing/routed.ts";

vi.setConfig({ testTimeout: 60_000 });

downloadSuite("on the LAN, from the agent itself", () => startProgram());
async function routed() {
  const { agent, ...routed } = await startRouted();
  return { ...routed, pid: agent.pid, log: () => `${routed.router.log()}\n${agent.log()}` };
}
downloadSuite("through a router", routed, { overLine: true });

revokedLinksSuite("through a router", () => startRouted());

problemPagesSuite("from the agent itself", () => startProgram());
problemPagesSuite("through a router", () => startRouted());
