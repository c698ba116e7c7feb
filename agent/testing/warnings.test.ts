// What a client is told of a run that is in trouble, with a real client: it checks answers against the promised shape.
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Program, startProgram } from "./program.ts";
import { putRun, type RunBlocks, type Subject, subjectOf } from "./subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

let folder: string;
let program: Program;
let subject: Subject;
let client: Client;

/** A driver from before 535, whose GPU is too hot. */
const NVIDIA_SMI = `#!/bin/sh
gpu="0, GPU-5c2d2c1e-7a9c-3b1c-9f0e-2b8f0d6f1a11, NVIDIA GeForce RTX 3090, 24576"
case "$*" in
  *clocks_event_reasons*)
    printf 'Field "clocks_event_reasons.active" is not a valid field to query.\\n\\n'
    exit 2;;
  *--loop-ms=*) while echo "$gpu, 21034, 99, 88, 301.20, 350.00, 0x0000000000000060"; do sleep 0.2; done;;
  *memory.free*) echo "$gpu, 120, 24456";; # before the run
  *--query-compute-apps*) ;;
esac
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "aitk-smi-"));
  const path = join(folder, "nvidia-smi");
  await writeFile(path, NVIDIA_SMI);
  await chmod(path, 0o755);
  program = await startProgram({
    args: ["--stop-grace", "1"],
    env: { PATH: `${folder}:${process.env["PATH"] ?? "/usr/bin:/bin"}` },
  });
  subject = subjectOf(program);
  client = new Client({ name: "warned", version: "1" }, { versionNegotiation: { mode: "auto" } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${program.url}/mcp`)));
});
afterAll(async () => {
  await client?.close();
  await program?.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(config: string, blocks: RunBlocks): Promise<string> {
  await putRun(subject.paths, config, blocks);
  return String((await subject.call("start_training", { config_name: config }))["job_id"]);
}

/** Looks until the answer is like `wanted`. The argument that does not exist is told among the warnings. */
const reaches = (job_id: string, wanted: object) =>
  vi.waitFor(
    async () => {
      const answer = await client.callTool({
        name: "get_training_status",
        arguments: { job_id, verbose: true },
      });
      expect(answer.structuredContent).toMatchObject(wanted);
    },
    { timeout: 30_000, interval: 50 },
  );

const IGNORED = expect.stringContaining("'verbose' is not an argument");

test("a GPU that is too hot is named, with its figures", async () => {
  const job_id = await start("hot", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  await reaches(job_id, {
    phase: "training",
    gpu: {
      index: 0,
      name: "NVIDIA GeForce RTX 3090",
      vram_used_mib: 21_034,
      temperature_c: 88,
      throttling: ["thermal"],
    },
    warnings: [IGNORED, { code: "gpu_throttling", message: expect.stringContaining("88 °C") }],
  });
  await subject.call("stop_training", { job_id });
});

test.each(["nan@60", "nan-zeroed@60"])(
  "a loss that is no number (%s) is told while the run goes on",
  async (fault) => {
    const job_id = await start(`sick ${fault}`, {
      train: { steps: 1_000_000 },
      rehearsal: { step_ms: 5, fault },
    });
    await reaches(job_id, {
      phase: "training",
      loss: null,
      loss_stats: { last: null, smoothed: expect.any(Number), min: { value: expect.any(Number) } },
      warnings: expect.arrayContaining([expect.objectContaining({ code: "nan_loss" })]),
    });
    await subject.call("stop_training", { job_id });
    // The run is over; that what it has made is broken stays true.
    await reaches(job_id, { phase: "ended", warnings: [IGNORED, { code: "nan_loss" }] });
  },
);
