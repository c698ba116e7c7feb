// The queue on a machine with GPUs: real agents and runs, GPUs played by a program called nvidia-smi.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Json } from "../testing/caller.ts";
import { type NvidiaSmi, pretendNvidiaSmi } from "../testing/nvidia-smi.ts";
import { type Program, startProgram } from "../testing/program.ts";
import { putRun, type RunBlocks, type Subject, subjectOf } from "../testing/subject.ts";
import { identify, isAlive, sessionMembers, signalAll } from "../tools/training/process.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const A = "GPU-aaaaaaaa-0000-4000-8000-000000000000";
const B = "GPU-bbbbbbbb-0000-4000-8000-000000000001";
/** GPU 1 has a little more memory free, so `auto` takes it first. */
const GPUS = [{ uuid: A, usedMib: 500 }, { uuid: B }] as const;
const PATIENCE = { timeout: 30_000, interval: 25 };
const ENDLESS: RunBlocks = { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } };

let smi: NvidiaSmi;
let owner: Program;
let subject: Subject;
const programs: Program[] = [];

const start = async (data?: string): Promise<Program> => {
  const env = { PATH: `${smi.folder}:${process.env["PATH"]}`, MCP_AI_TOOLKIT_STOP_GRACE: "1" };
  const program = await startProgram({ env, ...(data !== undefined && { data }) });
  programs.push(program);
  subject = subjectOf(program);
  return program;
};
const restart = async (between: () => unknown = () => {}) => {
  await programs.at(-1)?.kill9();
  await between();
  await start(owner.data);
};

beforeAll(async () => {
  smi = await pretendNvidiaSmi(...GPUS);
  owner = await start();
});
afterEach(async () => {
  const { jobs } = await subject.call("list_training_jobs");
  const unfinished = (jobs as Json[]).filter(({ phase }) => phase !== "ended").map(({ job_id }) => job_id);
  await Promise.all(unfinished.map((job_id) => subject.call("stop_training", { job_id })));
  await smi.fail(undefined);
  await smi.setGpus(...GPUS);
  await smi.setApps();
});
afterAll(async () => {
  for (const program of programs.toReversed()) await program.close();
  await smi?.[Symbol.asyncDispose]();
});

const queued = async (config: string, blocks: RunBlocks = ENDLESS, wish: object = {}) => {
  await putRun(subject.paths, config, blocks);
  return subject.call("start_training", { config_name: config, ...wish });
};
const id = async (answer: Promise<Json>) => String((await answer)["job_id"]);
const status = (job_id: string) => subject.call("get_training_status", { job_id });
const reaches = (job_id: string, wanted: object) =>
  vi.waitFor(async () => expect(await status(job_id)).toMatchObject(wanted), PATIENCE);
const stop = (job_id: string) => subject.call("stop_training", { job_id });
const log = (job_id: string) => readFile(join(subject.paths.jobs, job_id, "log.txt"), "utf8");
/** Which GPU the trainer was shown. */
const sees = (job_id: string, uuid: string) =>
  vi.waitFor(async () => expect(await log(job_id)).toContain(`the GPU would be ${uuid}\n`), PATIENCE);
const waiting = async () => {
  const { waiting } = await subject.call("get_queue");
  return (waiting as Json[]).map(({ config }) => config);
};

test("each GPU runs a job of its own; the next one waits for the first that is done", async () => {
  const first = await queued("each_first");
  expect(first).toMatchObject({ state: "running", gpu: { index: 1, uuid: B }, waiting_for: null });
  const second = await queued("each_second");
  expect(second).toMatchObject({ state: "running", gpu: { index: 0, uuid: A } });
  await sees(String(first["job_id"]), B);
  await sees(String(second["job_id"]), A);

  const third = await queued("each_third", {});
  expect(third).toMatchObject({
    state: "queued",
    queue_position: 1,
    gpu: null,
    held: false,
    waiting_for: "GPU 0 (RTX 4090) is training 'each_second'; GPU 1 (RTX 4090) is training 'each_first'",
  });
  const queue = await subject.call("get_queue");
  expect(queue).toMatchObject({
    note: null,
    gpus: [
      { index: 0, uuid: A, busy_with: `job ${second["job_id"]}`, running: { config: "each_second" } },
      {
        index: 1,
        uuid: B,
        memory_free_mib: 24_546,
        running: { config: "each_first" },
        waiting: [third["job_id"]],
      },
    ],
    waiting: [{ position: 1, config: "each_third" }],
  });
  await stop(String(first["job_id"]));
  await reaches(String(third["job_id"]), { status: "completed", gpu: { index: 1, uuid: B, name: /./ } });
  expect(await status(String(second["job_id"]))).toMatchObject({ status: "running", gpu: { index: 0 } });
});

test("a GPU is chosen by index or UUID; one that is not there is refused with those that are", async () => {
  const byIndex = await id(queued("by_index", ENDLESS, { gpu: 0 }));
  await sees(byIndex, A);
  const byUuid = await id(queued("by_uuid", ENDLESS, { gpu: B }));
  await sees(byUuid, B);
  for (const gpu of [2, "0,1", "GPU-nobody"]) {
    const refused = await subject.execute("start_training", { config_name: "by_uuid", gpu });
    expect(refused).toMatchObject({ status: 400, code: "invalid_input" });
    expect(refused.hint).toContain(`GPU 0 (RTX 4090) = ${A}, GPU 1 (RTX 4090) = ${B}`);
  }
  // A job that waits for one GPU does not hold up those for the other.
  const behind = await id(queued("behind", ENDLESS, { gpu: "0" }));
  const free = await id(queued("free", ENDLESS));
  await stop(byUuid);
  await sees(free, B);
  expect(await status(behind)).toMatchObject({
    status: "pending",
    gpu: { index: 0, uuid: A },
    waiting_for: "GPU 0 (RTX 4090) is training 'by_index'",
  });
});

test("`device: cuda:1` in a config means GPU 1, also though its run sees no other", async () => {
  await putRun(subject.paths, "device", ENDLESS);
  await subject.call("update_config", { name: "device", set: { device: "cuda:1" } });
  const job = await id(subject.call("start_training", { config_name: "device" }));
  await sees(job, B);
  const config = await readFile(join(subject.paths.jobs, job, "config.json"), "utf8");
  expect(config).toContain('"device": "cuda"');
});

test("waiting jobs are held, released, moved and taken out, and a restart forgets none of it", async () => {
  const running = [await id(queued("held_one")), await id(queued("held_two"))];
  const a = await id(queued("job_a", {}));
  const b = await id(queued("job_b", {}, { hold: true }));
  const c = await id(queued("job_c", {}));
  const d = await id(queued("job_d", {}));
  expect(await waiting()).toEqual(["job_a", "job_b", "job_c", "job_d"]);
  await subject.call("update_queue", { job_id: c, action: "move", position: 1 });
  await subject.call("update_queue", { job_id: a, action: "hold" });
  expect(await stop(d)).toMatchObject({ state: "stopped" });

  await restart();
  expect(await waiting()).toEqual(["job_c", "job_a", "job_b"]);
  for (const job of running) await reaches(job, { phase: "training" }); // both go on
  for (const job of running) await stop(job);
  await reaches(c, { status: "completed" });
  expect(await status(a)).toMatchObject({ status: "pending", held: true, queue_position: 1 });
  const released = await subject.call("update_queue", { job_id: b, action: "release" });
  expect((released["waiting"] as Json[]).map(({ config }) => config)).toEqual(["job_a"]);
  await reaches(b, { status: "completed" });
  expect(await status(a)).toMatchObject({ status: "pending", started_at: null });
  expect(await status(d)).toMatchObject({ status: "stopped", started_at: null });
});

test("a GPU that somebody else uses is shown and left alone, until it is free or force is given", async () => {
  const stranger = { uuid: A, pid: process.pid, path: "/usr/bin/python3.11", used: 20_582 };
  await smi.setGpus({ uuid: A, usedMib: 20_700 });
  await smi.setApps(stranger);
  const patient = await queued("patient", {});
  const sentence = `GPU 0 (RTX 4090) is used by python3.11 (pid ${process.pid}, 20.1 GiB), not started by this server`;
  expect(patient).toMatchObject({ state: "queued", waiting_for: sentence });
  expect(await subject.call("get_queue")).toMatchObject({ gpus: [{ busy_with: sentence, running: null }] });

  const bold = await id(queued("bold", {}, { force: true }));
  await reaches(bold, { status: "completed" });
  expect(await status(String(patient["job_id"]))).toMatchObject({
    status: "pending",
    waiting_for: sentence,
    expected_start: null,
  });
  await smi.setGpus({ uuid: A });
  await smi.setApps();
  await reaches(String(patient["job_id"]), { status: "completed" });
});

test("a run of our own is no stranger, however much it takes", async () => {
  await smi.setGpus({ uuid: A });
  const first = await id(queued("own_first"));
  await reaches(first, { phase: "training" });
  const { pid } = await status(first);
  const member = (await sessionMembers(await identify(Number(pid)))).at(-1) ?? 0;
  await smi.setApps({ uuid: A, pid: member, used: 20_000 });
  await vi.waitFor(async () => {
    const { gpus } = await subject.call("get_queue");
    expect(gpus).toMatchObject([{ busy_with: `job ${first}` }]);
  }, PATIENCE);
});

test("a job whose GPU has vanished says why it waits, and can be given another", async () => {
  await queued("gone_long", ENDLESS, { gpu: 1 });
  const job = await id(queued("gone_lost", {}, { gpu: 1 }));
  await restart(() => smi.setGpus({ uuid: A })); // after a reboot, say
  await vi.waitFor(async () => {
    await subject.call("get_queue");
    expect(await status(job)).toMatchObject({
      status: "pending",
      gpu: { uuid: B, index: null, name: null },
      waiting_for: expect.stringContaining(`${B} is not there`),
    });
  }, PATIENCE);
  await subject.call("update_queue", { job_id: job, action: "move", gpu: 0 });
  await reaches(job, { status: "completed", gpu: { uuid: A, index: 0 } });
});

test("when the driver fails, the queue waits with its words and goes on when it is well again", async () => {
  const first = await id(queued("driver_first", {}));
  await reaches(first, { status: "completed" });
  const words = "Unable to determine the device handle for GPU0000:01:00.0: GPU is lost.";
  await smi.fail(words, 15);
  const second = await id(queued("driver_second", {}));
  await vi.waitFor(async () => {
    await subject.call("get_queue");
    expect(await status(second)).toMatchObject({ waiting_for: `nvidia-smi failed: ${words}` });
  }, PATIENCE);
  await smi.fail(undefined);
  await reaches(second, { status: "completed" });
});

test("after a reboot running jobs have failed, and the queue goes on", async () => {
  const jobs = [await id(queued("boot_one")), await id(queued("boot_two"))];
  const next = await id(queued("boot_next", {}));
  for (const job of jobs) await reaches(job, { phase: "training" });
  const identities = await Promise.all(jobs.map(async (job) => identify(Number((await status(job))["pid"]))));
  await restart(() => {
    const db = new DatabaseSync(subject.paths.db);
    db.exec("UPDATE jobs SET boot_id = 'the boot before' WHERE status = 'running'");
    db.close();
  });
  for (const job of jobs) {
    await reaches(job, {
      status: "failed",
      exit_code: null,
      reason: expect.stringContaining("Lost: the trainer's process is gone"),
      hint: expect.stringContaining("resume"),
    });
  }
  await reaches(next, { status: "completed" });
  // Whatever has their numbers now is none of ours, and was let be.
  for (const identity of identities) {
    expect(await isAlive(identity)).toBe(true);
    signalAll(await sessionMembers(identity), "SIGKILL");
  }
});

test("two agents on one data folder start every job once, and a config never twice", async () => {
  const one = subject;
  const other = subjectOf(await start(owner.data));
  const both = [one, other];
  const names = Array.from({ length: 6 }, (_, index) => `shared_${index}`);
  for (const name of names) await putRun(other.paths, name);
  // Each job is asked for at both, at once: one of them wins.
  const replies = await Promise.all(
    names.flatMap((name) => both.map(({ execute }) => execute("start_training", { config_name: name }))),
  );
  expect(replies.filter(({ success }) => success)).toHaveLength(names.length);
  expect(replies.filter(({ code }) => code === "conflict")).toHaveLength(names.length);
  const jobs = replies.flatMap(({ success, json }) => (success ? String(json?.["job_id"]) : []));
  for (const job of jobs) {
    await reaches(job, { status: "completed", exit_code: 0 });
    expect((await log(job)).match(/REHEARSAL:/g)).toHaveLength(1);
  }
});

test("expected times come from runs like it, and are null before there was one", async () => {
  const alike: RunBlocks = { train: { steps: 40, batch_size: 3 }, rehearsal: { step_ms: 2 } };
  await smi.setGpus({ uuid: A });
  // One that has said nothing yet, and will not: what it has left could only be told from others like it.
  const silent = await id(queued("speed_silent", { ...alike, rehearsal: { load_ms: 600_000 } }));
  const measured = await queued("speed_measured", alike);
  expect(measured).toMatchObject({ state: "queued", expected_start: null });
  await stop(silent);
  await reaches(String(measured["job_id"]), { status: "completed" });

  await queued("speed_long", { ...alike, train: { ...alike.train, steps: 100_000 } });
  const next = await queued("speed_next", alike);
  expect(next).toMatchObject({ state: "queued", expected_start: expect.any(String) });
  const last = await id(queued("speed_last", alike));
  const other = await id(queued("speed_another_kind", { train: { steps: 40, batch_size: 4 } }));
  const { waiting: list } = await subject.call("get_queue");
  const [first, second, third] = list as Json[];
  expect(first).toMatchObject({ config: "speed_next", expected_finish: expect.any(String) });
  // 100,000 steps at what was measured for 40: more than a minute, less than a day.
  const startsInMs = Date.parse(String(first?.["expected_start"])) - Date.now();
  expect(startsInMs).toBeGreaterThan(60_000);
  expect(startsInMs).toBeLessThan(86_400_000);
  expect(second).toMatchObject({ job_id: last, expected_start: first?.["expected_finish"] });
  expect(third).toMatchObject({
    job_id: other,
    expected_start: second?.["expected_finish"],
    expected_finish: null,
  });
});

test("a rehearsal on a machine with a driver that never worked needs no GPU", async () => {
  await smi.fail("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.");
  await start(); // a machine that has never used one
  const job = await id(queued("without", {}));
  await reaches(job, { status: "completed", gpu: null });
  expect(await log(job)).not.toContain("the GPU would be");
});
