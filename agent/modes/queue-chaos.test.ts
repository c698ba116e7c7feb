// The queue's promise, put to the test: whenever and however often the agent is killed, every job runs exactly once, never
// two on one GPU, and each ends with the right verdict. Agents, trainers and signals are real; only the GPUs are played.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { pathsOf } from "../paths.ts";
import { randomFrom } from "../rehearsal/random.ts";
import { callerOf } from "../testing/caller.ts";
import { type NvidiaSmi, pretendNvidiaSmi } from "../testing/nvidia-smi.ts";
import { clear, environment, MAIN, newDataFolder } from "../testing/program.ts";
import { putRun, type RunBlocks } from "../testing/subject.ts";
import { type Job, JobStore } from "../tools/training/job-store.ts";

const KILLS = 50;
/** Another seed, other moments; it is in the name of the test. */
const SEED = 20_261_122;
const PATIENCE = { timeout: 120_000, interval: 25 };

const A = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
const B = "GPU-bbbbbbbb-0000-4000-8000-000000000001";

interface Kind {
  readonly blocks: RunBlocks;
  readonly status: Job["status"];
  readonly exitCodes: readonly number[];
  readonly reason: RegExp | null;
  /** Never ends by itself: it is stopped while agents come and go, or, `late`, after the last of them. */
  readonly stop?: "early" | "late";
}

const short = { train: { steps: 60 }, save: { save_every: 20 } };
const failing = (fault: string): RunBlocks => ({ ...short, rehearsal: { step_ms: 15, fault } });
const endless = (fault?: string): RunBlocks => ({
  train: { steps: 1_000_000 },
  save: { save_every: 200, max_step_saves_to_keep: 2 },
  rehearsal: { step_ms: 15, ...(fault && { fault }) },
});

const KINDS = {
  completes: {
    blocks: { ...short, rehearsal: { step_ms: 15 } },
    status: "completed",
    exitCodes: [0],
    reason: null,
  },
  chatty: { blocks: failing("floods@20"), status: "completed", exitCodes: [0], reason: null },
  crashes: { blocks: failing("crash@30"), status: "failed", exitCodes: [1], reason: /illegal memory access/ },
  dies: { blocks: failing("dies@30"), status: "failed", exitCodes: [137], reason: /[Kk]illed/ },
  deaf: {
    blocks: endless("ignores-sigint"),
    status: "stopped",
    exitCodes: [130, 137, 143],
    reason: /on request/,
    stop: "early",
  },
  endless: {
    blocks: endless(),
    status: "stopped",
    exitCodes: [0, 1, 130],
    reason: /on request/,
    stop: "late",
  },
} as const satisfies Record<string, Kind>;

/** In the order in which they are queued. The endless ones come last, so that there is something to disturb throughout. */
const JOBS: readonly { readonly kind: keyof typeof KINDS; readonly gpu?: number }[] = [
  { kind: "completes" },
  { kind: "crashes" },
  { kind: "completes", gpu: 0 },
  { kind: "chatty" },
  { kind: "deaf", gpu: 1 },
  { kind: "dies" },
  { kind: "completes" },
  { kind: "completes", gpu: 1 },
  { kind: "crashes", gpu: 1 },
  { kind: "completes" },
  { kind: "deaf" },
  { kind: "chatty", gpu: 0 },
  { kind: "completes" },
  { kind: "dies", gpu: 1 },
  { kind: "completes" },
  { kind: "crashes" },
  { kind: "completes", gpu: 0 },
  { kind: "completes" },
  { kind: "endless", gpu: 0 },
  { kind: "endless", gpu: 1 },
];

let smi: NvidiaSmi;
let data: string;
let store: JobStore;
let watcher: FSWatcher;
/** Something was written in a job's folder: tickets, logs, reports, exit files. */
let writes = 0;

beforeAll(async () => {
  smi = await pretendNvidiaSmi({ uuid: A, usedMib: 500 }, { uuid: B });
  data = await newDataFolder();
  const { state, jobs, db } = pathsOf({ data });
  await mkdir(jobs, { recursive: true });
  await mkdir(state, { recursive: true });
  store = new JobStore(db);
  watcher = watch(jobs, { recursive: true }, () => {
    writes += 1;
  });
});
afterAll(async () => {
  watcher?.close();
  store?.[Symbol.dispose]();
  await clear(data);
  await smi?.[Symbol.asyncDispose]();
});

interface Life {
  /** Its address, once it listens; undefined when it ended before that. */
  readonly url: Promise<string | undefined>;
  kill(): Promise<void>;
}

function born(): Life {
  const env = environment({
    PATH: `${smi.folder}:${process.env["PATH"]}`,
    MCP_AI_TOOLKIT_STOP_GRACE: "0.3",
    REHEARSAL_FLOOD_MB: "1",
  });
  const args = [MAIN, "--data", data, "--port", "0", "--trainer", "rehearsal"];
  const child: ChildProcess = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  const url = Promise.withResolvers<string | undefined>();
  if (child.stderr) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      const found = /"url":"([^"]+)"/.exec(line)?.[1];
      if (found) url.resolve(found);
    });
  }
  void exited.then(() => url.resolve(undefined));
  return {
    url: url.promise,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

const nameOf = (index: number) => `chaos_${String(index).padStart(2, "0")}`;
const kindOf = ({ config }: Job): Kind => KINDS[JOBS[Number(config.slice(-2))]?.kind ?? "completes"];
const unfinished = () => store.unfinished().length;

const logOf = ({ id }: Job) => join(pathsOf({ data }).jobs, id, "log.txt");
/** Its trainer has said its first words: a count of them is a count of its starts. */
const hasBegun = (job: Job) => /^REHEARSAL:/m.test(readFileSync(logOf(job), "utf8"));

/** Asks a life for what it may not live to answer. */
async function disturb(url: string | undefined, stops: Kind["stop"]): Promise<void> {
  if (url === undefined) return;
  const { execute } = callerOf(url);
  const asked = [
    ...store
      .running()
      .filter((job) => kindOf(job).stop === stops && hasBegun(job))
      .map(({ id }) => execute("stop_training", { job_id: id })),
    // What is queued or runs is never queued a second time.
    ...store
      .unfinished()
      .filter((job) => kindOf(job).stop === "late")
      .map(({ config }) =>
        execute("start_training", { config_name: config }).then(({ code }) => expect(code).toBe("conflict")),
      ),
  ];
  for (const each of await Promise.allSettled(asked)) {
    if (each.status === "rejected" && each.reason instanceof Error && each.reason.name === "AssertionError")
      throw each.reason;
  }
}

test(`20 jobs on 2 GPUs, the agent killed ${KILLS} times (seed ${SEED})`, { timeout: 300_000 }, async () => {
  const random = randomFrom(SEED);
  const first = born();
  const caller = callerOf((await first.url) ?? "");
  for (const [index, { kind, gpu = "auto" }] of JOBS.entries()) {
    await putRun(pathsOf({ data }), nameOf(index), KINDS[kind].blocks);
    await caller.call("start_training", { config_name: nameOf(index), gpu });
  }
  let life = first;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const until = writes + Math.floor(random() ** 2 * 200);
    const disturbed = life.url.then((url) => disturb(url, "early"));
    await vi.waitFor(() => expect(writes).toBeGreaterThanOrEqual(until), { ...PATIENCE, interval: 2 });
    await life.kill();
    await disturbed;
    expect(unfinished()).toBeGreaterThan(0); // the endless ones at least
    life = born();
  }
  await vi.waitFor(async () => {
    const url = await life.url;
    await disturb(url, "early");
    await disturb(url, "late");
    expect(unfinished()).toBe(0);
  }, PATIENCE);
  await life.kill();

  const jobs = store.list(100).toReversed();
  expect(jobs).toHaveLength(JOBS.length);
  const runs = await Promise.all(jobs.map(runOf));
  for (const [index, job] of jobs.entries()) {
    const { status, exitCodes, reason } = kindOf(job);
    const about = `${job.config} (${JOBS[index]?.kind})`;
    expect([about, job.status]).toEqual([about, status]);
    expect(exitCodes, about).toContain(job.exit_code);
    expect(job.reason ?? "", about).toMatch(reason ?? /^$/);
    expect(runs[index], about).toMatchObject({ starts: 1, gpu: job.gpu_uuid, tickets: [] });
    const wished = JOBS[index]?.gpu;
    if (wished !== undefined) expect(job.gpu_uuid, about).toBe([A, B][wished]);
  }
  for (const gpu of [A, B]) {
    const onIt = runs.filter((run) => run.gpu === gpu).sort((a, b) => a.startMs - b.startMs);
    expect(onIt.length).toBeGreaterThan(3);
    for (const [index, run] of onIt.slice(1).entries()) {
      const before = onIt[index];
      expect(run.startMs, `${run.config} after ${before?.config}`).toBeGreaterThanOrEqual(before?.endMs ?? 0);
    }
  }
});

/** What the run itself left behind, whatever the agents believe. */
async function runOf(job: Job) {
  const folder = dirname(logOf(job));
  const log = await readFile(logOf(job), "utf8");
  return {
    config: job.config,
    starts: log.match(/^REHEARSAL:/gm)?.length ?? 0,
    gpu: /the GPU would be (\S+)/.exec(log)?.[1] ?? null,
    startMs: (await stat(join(folder, "started/pid"))).mtimeMs,
    endMs: (await stat(join(folder, "exit"))).mtimeMs,
    tickets: (await readdir(folder)).filter((name) => name.includes("ticket")),
  };
}
