/**
 * The rehearsal trainer: from the outside ai-toolkit's run.py, inside no machine learning at all.
 *
 *     mcp-ai-toolkit --trainer rehearsal          everything trains like this
 *     mcp-ai-toolkit rehearse CONFIG… [-r] [-n NAME] [-l FILE]
 *     node agent/rehearsal/main.ts CONFIG…        the same
 *
 * It takes the same configs, prints the same lines and bars to the same streams, writes the same files to the same
 * places, reports to the same `Job` row and obeys the same flags and signals, and ends with the same exit codes. So it
 * shows the product without a GPU, and stands in for the real trainer in tests, as a real process.
 *
 * It never passes for training. The first line of its log says so; the header of every checkpoint has
 * `rehearsal: "true"` and another `software`; every sample has REHEARSAL written on it. Where it finds weights under its
 * name that no rehearsal made, it refuses to start rather than thin them out.
 *
 * Pace and faults: in the config, which wins, or in the environment.
 *
 *     meta:                       REHEARSAL_STEP_MS     20    one training step
 *       rehearsal:                REHEARSAL_LOAD_MS    400    loading the model
 *         step_ms: 20             REHEARSAL_CACHE_MS     0    one latent, if latents are cached
 *         load_ms: 400            REHEARSAL_SAMPLE_MS   60    one sample image
 *         cache_ms: 0             REHEARSAL_SAVE_MS     50    in the middle of writing a checkpoint
 *         sample_ms: 60           REHEARSAL_FAULT             see below
 *         save_ms: 50             REHEARSAL_FLOOD_MB    64    for the fault `floods`
 *         fault: oom@100          REHEARSAL_TOOLKIT           a day, like 2025-06-01: see below
 *
 * A fault is `kind@step`; without a step it strikes at half the steps.
 *
 *     oom             runs out of GPU memory in every step from there on; the fourth time in a row is the end, exit 1
 *     nan             the loss is nan from there on, and training goes on
 *     nan-zeroed      the same, caught as SDTrainer.py does it: `loss is nan` on stdout, the loss shown as 0
 *     hang            no output, no steps; SIGINT works
 *     dies            kills itself with signal 9, without a word
 *     silent          exit 1, without a word
 *     crash           a Python traceback, exit 1
 *     floods          prints REHEARSAL_FLOOD_MB megabytes, then goes on
 *     invalid-utf8    prints bytes that are not UTF-8, and a character cut in two by a pause; goes on
 *     truncated       killed while writing the first checkpoint from there on: the file is shorter than its header says
 *     disk-full       no space left for the first checkpoint from there on; half of it stays, exit 1
 *
 * These hold for the whole run, a step has no meaning for them:
 *
 *     oom-load        runs out of GPU memory while loading the model, exit 1
 *     gated           the model needs a licence accepted: 401, or 403 when HF_TOKEN is set; exit 1
 *     ignores-sigint  trains on after SIGINT and after the row's `stop`
 *     ignores-sigterm the same, and after SIGTERM too
 *     orphans         worker processes that ignore INT and TERM and outlive the main one by up to two minutes
 *     escapes         the same workers, each in a session of its own
 *     slow-exit       needs three seconds to go once it has stopped
 *
 * REHEARSAL_TOOLKIT makes it behave like an ai-toolkit checked out on that day, as far as a supervisor sees it; age.ts
 * has the days on which something changed. It always brings today's files and lines.
 *
 * Not rehearsed: the model itself (any `name_or_path` will do), a full fine-tune's diffusers folder (a single file is
 * written), video and sound samples (pictures are written), control images, validation, pushes to a hub, captioners.
 */
import { sep } from "node:path";
import { parseArgs } from "node:util";
import { ageOf } from "./age.ts";
import { takeSigint } from "./interrupt.ts";
import { type Frame, KeyboardInterrupt, PythonError, toPythonError, traceback } from "./python.ts";
import type { Stage } from "./stage.ts";
import { openStreams } from "./streams.ts";
import type { Trainer } from "./trainer.ts";

const USAGE = "usage: rehearse [-h] [-r] [-n NAME] [-l LOG] config_file_list [config_file_list ...]";

const HELP = `${USAGE}

Rehearses ai-toolkit's run.py: same arguments, output, files, job row and exit codes, but no model and no training.

positional arguments:
  config_file_list     Name of config file (eg: person_v1 for config/person_v1.json/yaml), or full path

options:
  -h, --help           show this help message and exit
  -r, --recover        Continue running additional jobs even if a job fails
  -n, --name NAME      Name to replace [name] tag in config file
  -l, --log LOG        Log file to write output to

pace and faults, in the environment or in the config as meta.rehearsal: { step_ms, load_ms, cache_ms, sample_ms, save_ms, fault }
  REHEARSAL_STEP_MS    one training step, 20
  REHEARSAL_LOAD_MS    loading the model, 400
  REHEARSAL_CACHE_MS   one latent to cache, 0
  REHEARSAL_SAMPLE_MS  one sample image, 60
  REHEARSAL_SAVE_MS    in the middle of writing a checkpoint, 50
  REHEARSAL_FAULT      KIND or KIND@STEP (default: half the steps)
      oom nan nan-zeroed hang dies silent crash floods invalid-utf8 truncated disk-full
    and, for the whole run,
      oom-load gated ignores-sigint ignores-sigterm orphans escapes slow-exit
  REHEARSAL_FLOOD_MB   how much "floods" prints, 64
  REHEARSAL_TOOLKIT    behave like the ai-toolkit of that day, YYYY-MM-DD
`;

const NOTICE = "REHEARSAL: no model is loaded and nothing is trained; files and figures are made up";

const EXIT_USAGE = 2; // argparse's

const inRun = (line: number, scope: string, code: string): Frame => ({
  file: "run.py",
  line,
  scope,
  code,
});
const CALL_MAIN = inRun(147, "<module>", "main()");
const RAISE_AGAIN = inRun(132, "main", "raise e");
const IN_SETUP = [CALL_MAIN, inRun(110, "main", "setup_log_to_file(args.log)")];
const IN_CONSTRUCTION = [CALL_MAIN, RAISE_AGAIN, inRun(119, "main", "job = get_job(config_file, args.name)")];
const IN_RUN = [
  CALL_MAIN,
  RAISE_AGAIN,
  inRun(120, "main", "job.run()"),
  {
    file: "jobs/ExtensionJob.py",
    line: 22,
    scope: "run",
    code: "process.run()",
  },
];

/**
 * @returns the exit code. Takes over SIGINT for the rest of the process's life; uses the process's stdout, stderr,
 * environment and working folder (the toolkit's, as for run.py).
 */
export async function runRehearsal(argv: readonly string[]): Promise<number> {
  const interrupt = takeSigint();
  const read = readArguments(argv);
  if ("exitCode" in read) return read.exitCode;
  const [env, cwd] = [process.env, process.cwd()];
  try {
    return await runJobs(read, {
      streams: openStreams(read.log),
      interrupt,
      env,
      cwd,
      age: ageOf(env.REHEARSAL_TOOLKIT),
    });
  } catch (error) {
    // Nobody reads our output any more: there is nobody to tell.
    if (isBrokenPipe(error)) return 1;
    // Not from a job: those are dealt with below. The log file could not be opened.
    openStreams().err(traceback(toPythonError(error), IN_SETUP, cwd));
    return 1;
  }
}

interface Arguments {
  readonly configs: readonly string[];
  readonly recover: boolean;
  readonly name: string | undefined;
  readonly log: string | undefined;
}

function readArguments(argv: readonly string[]): Arguments | { readonly exitCode: number } {
  const { out, err } = openStreams();
  const refuse = (reason: string) => {
    err(`${USAGE}\nrehearse: error: ${reason}\n`);
    return { exitCode: EXIT_USAGE };
  };
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h", default: false },
        recover: { type: "boolean", short: "r", default: false },
        name: { type: "string", short: "n" },
        log: { type: "string", short: "l" },
      },
    });
    const { help, recover, name, log } = values;
    if (help) {
      out(Buffer.from(HELP));
      return { exitCode: 0 };
    }
    if (positionals.length === 0) return refuse("the following arguments are required: config_file_list");
    return { configs: positionals, recover, name, log };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const isBrokenPipe = (error: unknown) => error instanceof Error && "code" in error && error.code === "EPIPE";

/** What there is of a job at the moment, for whoever has to clear up after it. */
interface Job {
  /** All constructed, in order. Before that an error finds no job to report to. */
  ready?: readonly Trainer[];
  running?: Trainer;
}

async function runJobs({ configs, recover, name }: Arguments, stage: Stage): Promise<number> {
  const { print, err } = stage.streams;
  const gpu = stage.env.CUDA_VISIBLE_DEVICES;
  print(gpu ? `${NOTICE}; the GPU would be ${gpu}` : NOTICE);
  print(`Running ${countOf(configs.length, "job")}`);
  let completed = 0;
  for (const given of configs) {
    const job: Job = {};
    try {
      await runJob(given, name, stage, job);
      completed += 1;
    } catch (thrown) {
      if (isBrokenPipe(thrown)) throw thrown;
      if (thrown instanceof KeyboardInterrupt) {
        await job.ready?.[0]?.onError(thrown);
        if (!stage.age.takesInterruptAsStop) return await dieOfInterrupt(completed, job, stage);
        print(`\n${RULE}\nJob stopped\n${RULE}`);
        await job.running?.close("nothing");
        return 0;
      }
      const error = toPythonError(thrown);
      print(`Error running job: ${error.message}`);
      if (job.ready) await job.ready[0]?.onError(error);
      else print(NO_JOB_YET);
      if (recover) {
        await job.running?.close("nothing");
        continue;
      }
      print(`\n${RULE}\nResult:\n - ${countOf(completed, "completed job")}\n - 1 failure\n${RULE}`);
      err(traceback(error, job.ready ? IN_RUN : IN_CONSTRUCTION, stage.cwd));
      await job.running?.close("last bar");
      return 1;
    }
  }
  return 0; // with -r also when every job failed
}

/** A KeyboardInterrupt that nobody catches: Python prints it, tidies up and ends by the signal itself. */
async function dieOfInterrupt(completed: number, job: Job, { streams, cwd }: Stage): Promise<never> {
  streams.print(`\n${RULE}\nResult:\n - ${countOf(completed, "completed job")}\n${RULE}`);
  streams.err(traceback(new PythonError("KeyboardInterrupt", ""), job.ready ? IN_RUN : IN_CONSTRUCTION, cwd));
  await job.running?.close("last bar");
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
  return await new Promise(() => {}); // for the moment until it arrives
}

const RULE = "=".repeat(40);
const BANNER_RULE = "#".repeat(45);
/** Not ours to mend: run.py's own error handling trips here, and users know the line. */
const NO_JOB_YET =
  "Error running on_error: cannot access local variable 'job' where it is not associated with a value";

const countOf = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

async function runJob(given: string, name: string | undefined, stage: Stage, job: Job): Promise<void> {
  const { print } = stage.streams;
  // Loaded only now: by this time SIGINT is ours and the first lines are out.
  const [{ readConfig }, { constructTrainer }] = await Promise.all([
    import("./config.ts"),
    import("./construct.ts"),
  ]);
  stage.interrupt.check();
  const config = await readConfig(given, name, stage);
  if (config.job !== "extension") {
    throw new PythonError("ValueError", `Unknown job type ${config.job}`);
  }
  const trainers: Trainer[] = [];
  for (const process of config.processes) trainers.push(await constructTrainer(process, config, stage));
  job.ready = trainers;
  print(`\n${BANNER_RULE}\n# Running job: ${config.name}\n${BANNER_RULE}\n\n`);
  print(`Running  ${trainers.length} process${trainers.length === 1 ? "" : "es"}`);
  for (const trainer of trainers) {
    job.running = trainer;
    await trainer.run();
  }
}

// Also false inside a bundle, whose one file is everybody's main module.
if (import.meta.main && import.meta.filename.endsWith(`rehearsal${sep}main.ts`)) {
  process.exitCode = await runRehearsal(process.argv.slice(2));
}
