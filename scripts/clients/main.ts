// npm run clients: clients of other makers against the real server. They are installed into a scratch folder; without a
// network, or without Python, those that are not to be had are left out, and it is said why.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathsOf } from "../../agent/paths.ts";
import { callerOf } from "../../agent/testing/caller.ts";
import { startProgram } from "../../agent/testing/program.ts";
import { picturePath, putDataset, putRun } from "../../agent/testing/subject.ts";
import { install } from "./installed.ts";
import { curl, inspector, mcpRemote, type Place, python, STEPS, type Walk } from "./walks.ts";

const folder = await mkdtemp(join(tmpdir(), "mcp-clients-"));
const first = await startProgram({ env: { MCP_AI_TOOLKIT_STOP_GRACE: "0.3" } });
let server = first;

async function place(): Promise<Place> {
  const paths = pathsOf(first);
  await putDataset(paths, "cats");
  await putRun(paths, "long", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  const { job_id } = await callerOf(first.url).call("start_training", { config_name: "long" });
  const data = (await readFile(picturePath("img1.jpg"))).toString("base64");
  return {
    url: `${first.url}/mcp`,
    job: String(job_id),
    images: Array.from({ length: 10 }, (_, n) => ({ filename: `${n}.jpg`, data })),
    async restart() {
      await server.stop();
      server = await startProgram({ data: first.data, args: ["--port", new URL(first.url).port] });
    },
  };
}

try {
  const { python: own, mcpRemote: remote, inspector: inspect, missing } = await install(folder);
  for (const why of missing) console.log(`left out  ${why}`);
  const walks: [string, Walk][] = [
    ...(own
      ? (["auto", "legacy"] as const).map((mode): [string, Walk] => [
          `Python mcp, ${mode}`,
          python(own, mode),
        ])
      : []),
    ...(remote ? [["mcp-remote", mcpRemote(remote)] satisfies [string, Walk]] : []),
    ...(inspect
      ? (["modern", "legacy"] as const).map((era): [string, Walk] => [
          `Inspector's command line, ${era}`,
          inspector(inspect, era),
        ])
      : []),
    ["curl without Accept", curl],
  ];
  process.env["HOME"] = folder; // what they keep there goes with it
  const where = await place();
  for (const [client, walk] of walks) {
    const seen = await walk(where).catch((error: unknown) => {
      console.error(error);
      return { initialize: false };
    });
    const steps = STEPS.map(
      (step) => `${step} ${step in seen ? (seen[step as keyof typeof seen] ? "✓" : "✗") : "–"}`,
    );
    const isGood = Object.values(seen).every((ok) => ok);
    console.log(`${isGood ? "ok  " : "FAIL"} ${client}: ${steps.join(" · ")}`);
    if (!isGood) process.exitCode = 1;
  }
} finally {
  if (server !== first) await server.close();
  await first.close();
  await rm(folder, { recursive: true, force: true });
}
