// npm run conformance: the official suite against our router, in both eras. First with the fixture, whose tools do what the
// suite asks of a server; then with the tools that people get, of which it can only try what every server has.

import { startProgram } from "../../agent/testing/program.ts";
import { FIXTURE, OUR_TOOLS } from "./expectations.ts";
import { nodeFixture, workerFixture } from "./fixture-server.ts";
import { REVISIONS, runSuite } from "./suite.ts";
import { verdict } from "./verdict.ts";

async function ourTools() {
  const program = await startProgram();
  // The suite tries DNS rebinding on that name only.
  const url = `${program.url.replace("127.0.0.1", "localhost")}/mcp`;
  return { url, close: () => program.close() };
}

/** The first request loads the SDK, and some of the suite's checks give a server half a second. */
async function warmUp(url: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  await fetch(url, { method: "POST", headers, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' });
}

for (const [name, open, expectations] of [
  ["the fixture", nodeFixture, FIXTURE],
  ["the fixture in workerd", workerFixture, FIXTURE],
  ["our tools", ourTools, OUR_TOOLS],
] as const) {
  const { url, close } = await open();
  try {
    await warmUp(url);
    for (const revision of REVISIONS) {
      const { summary, problems } = verdict(await runSuite(url, revision), expectations[revision]);
      console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${revision} with ${name}: ${summary}`);
      for (const problem of problems) console.log(`     ${problem}`);
      if (problems.length > 0) process.exitCode = 1;
    }
  } finally {
    await close();
  }
}
