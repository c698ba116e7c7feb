// Exit codes and last words: ai-toolkit.md §1.4.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { childrenOf, commandOf, createJobDatabase, openTheatre, type Run, type Theatre } from "./theatre.ts";

const RESULT = `
========================================
Result:
 - 0 completed jobs
 - 1 failure
========================================
`;
const STOPPED = `
========================================
Job stopped
========================================
`;

let theatre: Theatre;
beforeEach(() => {
  theatre = openTheatre();
});
afterEach(() => theatre.clear());

const shows = (run: Run, text: string | RegExp) =>
  vi.waitFor(() => expect(run.log()).toMatch(text), { timeout: 30_000, interval: 10 });

const long = { train: { steps: 100_000 } };

test("a finished run says nothing at the end and exits with 0", async () => {
  const job = createJobDatabase(theatre);
  const run = theatre.start([theatre.config()], job.env);
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(run.log()).toMatch(/Saved optimizer to \S+\n\n$/);
  expect(job.row()).toMatchObject({ status: "completed", info: "Training completed", step: 12 });
});

describe("an error", () => {
  const failing = () => {
    mkdirSync(join(theatre.folder, "empty"));
    return theatre.config({ datasets: [{ folder_path: join(theatre.folder, "empty") }] });
  };

  test("is told on stdout and in the row, with a traceback, and exits with 1", async () => {
    const job = createJobDatabase(theatre);
    const run = theatre.start([failing()], job.env);
    const message = `no images found in ${join(theatre.folder, "empty")}`;
    expect(await run.ended).toEqual({ code: 1, signal: null });
    expect(run.log()).toContain(`  -  Found 0 images\nError running job: ${message}\n${RESULT}Traceback`);
    expect(run.log()).toMatch(new RegExp(`\nAssertionError: ${message}\n$`));
    expect(job.row()).toMatchObject({ status: "error", info: message });
  });

  test("exits with 0 under -r, without a result and a traceback", async () => {
    const run = theatre.start([failing(), "-r"]);
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.log()).toContain("Error running job: no images found");
    expect(run.log()).not.toMatch(/Result:|Traceback/);
  });

  test("ends the list of jobs, but not under -r", async () => {
    const config = failing();
    expect((await theatre.start([config, config]).ended).code).toBe(1);
    const recovering = theatre.start(["-r", config, config]);
    await recovering.ended;
    expect(recovering.log().match(/Error running job/g)).toHaveLength(2);
  });

  test.each([
    ["an unknown job type", { job: "knit" }, {}, "ValueError: Unknown job type knit"],
    [
      "an unknown process type",
      {},
      { type: "nope_trainer" },
      "ValueError: config file is invalid. Unknown process type: nope_trainer",
    ],
    [
      "no training_folder",
      {},
      { training_folder: undefined },
      "TypeError: expected str, bytes or os.PathLike object, not NoneType",
    ],
    ["no model", {}, { model: { arch: "sd1" } }, "ValueError: name_or_path must be specified"],
    ["an unknown optimizer", {}, { train: { optimizer: "sgd" } }, "ValueError: Unknown optimizer type sgd"],
    [
      "an unknown scheduler",
      {},
      { train: { noise_scheduler: "best" } },
      "ValueError: Sampler best not supported",
    ],
    [
      "a missing dataset",
      {},
      { datasets: [{ folder_path: "/nowhere/at/all" }] },
      "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'",
    ],
    ["a string for a number", {}, { train: { steps: "many" } }, "TypeError: train.steps:"],
    [
      "a misspelt fault",
      { meta: { rehearsal: { fault: "ooom" } } },
      {},
      'ValueError: Unknown rehearsal fault "ooom"',
    ],
  ])("of %s is the original's", async (_, top, blocks, lastLine) => {
    const path = theatre.config(blocks);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...top }));
    const run = theatre.start([path]);
    expect(await run.ended).toEqual({ code: 1, signal: null });
    expect(
      run
        .log()
        .trimEnd()
        .split("\n")
        .findLast((line) => !line.startsWith("\r")),
    ).toContain(lastLine);
    expect(run.log()).toContain(RESULT);
  });

  test("before there is a job is followed by run.py's own stumble", async () => {
    const run = theatre.start(["no-such-config"]);
    await run.ended;
    expect(run.log()).toContain(
      "Error running job: Could not find config file no-such-config\nError running on_error: cannot access local variable 'job'",
    );
  });
});

test("unknown keys and an unknown arch are silently accepted", async () => {
  const run = theatre.start([
    theatre.config({ colour: "green", model: { name_or_path: "x", arch: "sd99" }, train: { stepps: 5 } }),
  ]);
  expect(await run.ended).toEqual({ code: 0, signal: null });
});

describe("SIGINT", () => {
  test.each([
    ["while loading", { REHEARSAL_LOAD_MS: "60000" }, {}, /Loading pipeline/],
    [
      "while sampling",
      { REHEARSAL_SAMPLE_MS: "60000" },
      { train: {}, sample: { prompts: ["a"], neg: "" } },
      /Generating Images/,
    ],
    ["while training", {}, { train: { steps: 100_000 } }, /show: .* 5\/100000/],
  ])("%s stops the job, exits with 0 and saves nothing", async (_, env, blocks, seen) => {
    const sampling = "sample" in blocks ? { train: { disable_sampling: false } } : {};
    const job = createJobDatabase(theatre);
    const run = theatre.start([theatre.config({ ...blocks, ...sampling })], { ...job.env, ...env });
    await shows(run, seen);
    run.kill("SIGINT");
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.log().endsWith(STOPPED)).toBe(true);
    expect(run.log()).not.toContain("Saved checkpoint");
    expect(job.row()).toMatchObject({ status: "stopped", info: "Job stopped", step: 0 });
  });

  test("sets the step back to the last saved one", async () => {
    const job = createJobDatabase(theatre);
    const run = theatre.start([theatre.config({ ...long, save: { save_every: 5 } })], job.env);
    await shows(run, /Saving at step 10\n[\s\S]*show: /);
    run.kill("SIGINT");
    await run.ended;
    const saved = Number(
      run
        .log()
        .match(/Saving at step (\d+)/g)
        ?.at(-1)
        ?.slice("Saving at step ".length),
    );
    expect(job.row()).toMatchObject({ status: "stopped", step: saved });
  });

  test("while saving leaves half a checkpoint", async () => {
    const run = theatre.start([theatre.config({ save: { save_every: 5 } })], { REHEARSAL_SAVE_MS: "60000" });
    await shows(run, "Saving at step 5");
    await vi.waitFor(() => readFileSync(join(theatre.output, "show_000000005.safetensors")), 30_000);
    run.kill("SIGINT");
    expect(await run.ended).toEqual({ code: 0, signal: null });
    const bytes = readFileSync(join(theatre.output, "show_000000005.safetensors"));
    expect(bytes.length).toBeLessThan(8 + Number(bytes.readBigUInt64LE()) + 43104);
  });
});

describe("worker processes", () => {
  const withWorkers = () => theatre.config({ ...long, datasets: [{ folder_path: theatre.dataset }] });

  const trainingWithWorkers = async (env = {}) => {
    const run = theatre.start([withWorkers()], env);
    await shows(run, /show: .* 5\/100000/);
    const workers = childrenOf(run.pid);
    expect(workers).toHaveLength(2);
    return { run, workers };
  };
  const gone = (workers: readonly number[]) =>
    vi.waitFor(() => expect(workers.map(commandOf)).toEqual([undefined, undefined]), 30_000);

  test("end with SIGINT to the group", async () => {
    const { run, workers } = await trainingWithWorkers();
    run.kill("SIGINT", "group");
    expect(await run.ended).toEqual({ code: 0, signal: null });
    await gone(workers);
  });

  test("end with SIGINT to the main process", async () => {
    const { run, workers } = await trainingWithWorkers();
    run.kill("SIGINT");
    await run.ended;
    await gone(workers);
  });

  test.each(["SIGTERM", "SIGKILL"] as const)(
    "live on for some seconds after %s to the main process",
    async (signal) => {
      const job = createJobDatabase(theatre);
      const { run, workers } = await trainingWithWorkers(job.env);
      run.kill(signal);
      expect(await run.ended).toEqual({ code: null, signal });
      await vi.waitFor(() => expect(workers.map(commandOf)).toEqual(["sleep 5", "sleep 5"]), 20_000);
      expect(job.row()).toMatchObject({ status: "running" });
      run.kill("SIGTERM", "group");
      await gone(workers);
    },
  );
});

describe("arguments", () => {
  test("without a config are refused with 2", async () => {
    const run = theatre.start([]);
    expect(await run.ended).toEqual({ code: 2, signal: null });
    expect(run.log()).toContain("the following arguments are required: config_file_list");
  });

  test("-h shows pace and faults", async () => {
    const run = theatre.start(["--help"]);
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.log()).toMatch(/REHEARSAL_STEP_MS[\s\S]*ignores-sigint/);
  });

  test("-l FILE gets both streams as well, appended", async () => {
    const path = join(theatre.folder, "logs", "copy.txt");
    const run = theatre.start([theatre.config(), "-l", path]);
    await run.ended;
    expect(readFileSync(path, "utf8")).toBe(run.log());
  });

  test("-l with a bare name fails as it does in the original", async () => {
    const run = theatre.start([theatre.config(), "-l", "copy.txt"]);
    expect(await run.ended).toEqual({ code: 1, signal: null });
    expect(run.log()).toMatch(/FileNotFoundError: \[Errno 2\] No such file or directory: ''\n$/);
  });

  test("-n replaces [name], but not the name a config has", async () => {
    const path = theatre.config({ trigger_word: "[name]" });
    const run = theatre.start([path, "-n", "ginger"]);
    await run.ended;
    expect(run.log()).toContain('"trigger_word": "ginger"');
    expect(run.log()).toContain("# Running job: show");
  });
});
