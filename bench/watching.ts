// What a running job costs the agent that watches it: CPU and memory while nobody asks, memory while it prints a gigabyte.
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { pathsOf } from "../agent/paths.ts";
import { rssMib } from "../agent/testing/resident.ts";
import { putRun, type RunBlocks } from "../agent/testing/subject.ts";
import type { Result } from "./measure.ts";
import { BUILT, type Program, post, startProgram } from "./program.ts";
import { scratchFolder } from "./scratch.ts";

const FLOOD_MB = 1024;
/** Ends of the log that wait for the next garbage collection; 4 GiB were measured to take no more than one. */
const MEMORY_GROWTH_MAX_MIB = 32;
const LOOK_EVERY_MS = 100;
const IDLE_SECONDS = 30;
const IDLE_CPU_MAX_PERCENT = 0.5;
const IDLE_MEMORY_MAX_MIB = 90;
/** Of the kernel's accounting: a hundredth of a second (time(7)). */
const TICKS_PER_SECOND = 100;

interface Answer {
  readonly result: { readonly content: readonly { readonly text: string }[] };
}

async function ask(program: Program, tool: string, args: object): Promise<Readonly<Record<string, unknown>>> {
  const { result } = (await post(`${program.url}/mcp/execute`, { tool, arguments: args })) as Answer;
  return JSON.parse(result.content[0]?.text ?? "{}");
}

async function cpuSeconds({ pid }: Program): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

interface Watch {
  readonly program: Program;
  start(name: string, blocks: RunBlocks): Promise<string>;
  look(id: string): Promise<Readonly<Record<string, unknown>>>;
}

async function openWatch(): Promise<Watch> {
  const data = await scratchFolder();
  const program = await startProgram(
    [BUILT, "--data", data, "--port", "0", "--trainer", "rehearsal", "--log-max-mb", "4096"],
    { REHEARSAL_FLOOD_MB: String(FLOOD_MB) },
  );
  return {
    program,
    async start(name, blocks) {
      await putRun(pathsOf({ data }), name, blocks);
      return String((await ask(program, "start_training", { config_name: name }))["job_id"]);
    },
    async look(job_id) {
      await ask(program, "get_training_logs", { job_id, lines: 100 });
      return ask(program, "get_training_status", { job_id });
    },
  };
}

const ENDLESS: RunBlocks = { train: { steps: 1_000_000 }, rehearsal: { step_ms: 500 } };
/** A step as long as a video model's. */
const SLOW: RunBlocks = { train: { steps: 1_000_000 }, rehearsal: { step_ms: 20_000 } };

/** Two agents that are asked the same, as often: every answer leaves a little for the next garbage collection. */
async function memory(loud: Watch, quiet: Watch): Promise<Result> {
  const flood = { train: { steps: 200 }, rehearsal: { fault: "floods@100" } };
  const [flooding, still] = [await loud.start("flood", flood), await quiet.start("still", ENDLESS)];
  let [most, base, over] = [0, 0, false];
  while (!over) {
    over = (await loud.look(flooding))["phase"] === "ended";
    await quiet.look(still);
    most = Math.max(most, await rssMib(loud.program.pid));
    base = Math.max(base, await rssMib(quiet.program.pid));
    await delay(LOOK_EVERY_MS);
  }
  const { log_bytes } = await ask(loud.program, "get_training_logs", { job_id: flooding, lines: 1 });
  await ask(quiet.program, "stop_training", { job_id: still });
  const gib = (Number(log_bytes) / 1024 ** 3).toFixed(2);
  return {
    what: `memory of an agent whose job prints ${gib} GiB while it is looked at, over one whose job is quiet`,
    figure: `${most.toFixed(1)} − ${base.toFixed(1)} = ${(most - base).toFixed(1)} MiB`,
    target: `≤ ${MEMORY_GROWTH_MAX_MIB} MiB`,
    ok: most - base <= MEMORY_GROWTH_MAX_MIB,
  };
}

const AT_REST_SECONDS = 5;

const memoryOf = (what: string, mib: number): Result => ({
  what,
  figure: `${mib.toFixed(1)} MiB`,
  target: `≤ ${IDLE_MEMORY_MAX_MIB} MiB`,
  ok: mib <= IDLE_MEMORY_MAX_MIB,
});

/** An agent of its own: nothing is asked of it but to start the run. */
async function idle({ program, start, look }: Watch): Promise<Result[]> {
  await delay(AT_REST_SECONDS * 1_000);
  const atRest = await rssMib(program.pid);
  const id = await start("slow", SLOW);
  while ((await look(id))["phase"] !== "training") await delay(LOOK_EVERY_MS);
  const before = await cpuSeconds(program);
  await delay(IDLE_SECONDS * 1_000);
  const percent = (100 * ((await cpuSeconds(program)) - before)) / IDLE_SECONDS;
  const watching = await rssMib(program.pid);
  await ask(program, "stop_training", { job_id: id });
  return [
    {
      what: "CPU of an agent whose job runs while nobody asks",
      figure: `${percent.toFixed(2)} % of a core over ${IDLE_SECONDS} s`,
      target: `≤ ${IDLE_CPU_MAX_PERCENT} %`,
      ok: percent <= IDLE_CPU_MAX_PERCENT,
    },
    memoryOf("memory of an agent that has nothing to do", atRest),
    memoryOf("memory of one that has decoded the images of a data set and watches its run", watching),
  ];
}

export async function benchWatching(): Promise<Result[]> {
  const [loud, quiet, alone] = [await openWatch(), await openWatch(), await openWatch()];
  try {
    return [...(await idle(alone)), await memory(loud, quiet)];
  } finally {
    await Promise.all([loud, quiet, alone].map(({ program }) => program.stop()));
  }
}
