// From a process block to a trainer: what happens before run.py has a job at all.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { refuseRealWeights } from "./checkpoints.ts";
import type { Block, JobConfig } from "./config.ts";
import { parseFault } from "./faults.ts";
import { openJobRow } from "./job-row.ts";
import { paceOf } from "./pace.ts";
import { dumps, PythonError } from "./python.ts";
import { readSettings } from "./settings.ts";
import type { Stage } from "./stage.ts";
import { Trainer } from "./trainer.ts";

const TYPES = new Set(["sd_trainer", "textual_inversion_trainer", "ui_trainer"]);
/** Of the newer kind; see age.ts. */
const DIFFUSION_TYPES = new Set(["diffusion_trainer", "concept_slider"]);

/** @throws PythonError what the constructor of the real process raises; config.yaml may be written by then */
export async function constructTrainer(process: Block, config: JobConfig, stage: Stage): Promise<Trainer> {
  const { streams, interrupt, env, cwd, age } = stage;
  const type = process.type;
  const isKnown = (name: string) => TYPES.has(name) || (age.hasDiffusionTrainer && DIFFUSION_TYPES.has(name));
  if (typeof type !== "string" || !isKnown(type)) {
    throw new PythonError("ValueError", `config file is invalid. Unknown process type: ${String(type)}`);
  }
  streams.print(dumps(process, 4));
  const trainingFolder = process.training_folder;
  if (typeof trainingFolder !== "string") {
    throw new PythonError("TypeError", "expected str, bytes or os.PathLike object, not NoneType");
  }
  const ownName = process.name;
  const folder = resolve(cwd, trainingFolder, typeof ownName === "string" ? ownName : config.name);
  refuseRealWeights(folder, config.name);
  mkdirSync(folder, { recursive: true });
  await writeConfig(join(folder, "config.yaml"), config.whole);

  const settings = readSettings(process);
  const pace = paceOf(config.meta, env);
  const fault = parseFault(pace.fault, settings.train.steps);
  if (fault?.kind === "ignores-sigint" || fault?.kind === "ignores-sigterm") interrupt.ignore();
  if (fault?.kind === "ignores-sigterm") globalThis.process.on("SIGTERM", () => {});
  const row = openJobRow({
    processType: type,
    dbPath: resolve(cwd, settings.sqlite_db_path),
    jobId: env.AITK_JOB_ID,
    print: streams.print,
    interrupt,
  });
  await row.setStatus("running", "Starting");
  return new Trainer({ config, settings, folder, pace, fault, row }, stage);
}

/** As PyYAML writes it. */
async function writeConfig(path: string, whole: Block): Promise<void> {
  const { stringify } = await import("yaml"); // the dearest import of all; the echo above is out before it
  writeFileSync(
    path,
    stringify(whole, {
      version: "1.1",
      indentSeq: false,
      singleQuote: true,
      lineWidth: 80,
    }),
  );
}
