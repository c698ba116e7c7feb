// What was found of somebody else's run, in the shape of a job.
import * as v from "valibot";
import type { GpuSnapshot } from "../../gpus/gpu.ts";
import type { Job } from "../training/job-store.ts";
import type { ForeignRun } from "../training/run.ts";
import type { TrainerReport } from "../training/trainer-report.ts";
import { logOf, readLines } from "./folder-ending.ts";
import { configFacts, type FolderFacts, readFolderConfig } from "./folder-facts.ts";
import type { FoundRun } from "./found-run.ts";
import { isOwnFile } from "./own-file.ts";
import { readUiConfig } from "./ui-database.ts";
import { uiEnding, uiReport, uiWaitingFor } from "./ui-status.ts";

/** For a run without a folder: nothing can ever be there. */
const NOWHERE = "/dev/null/none";

const Config = v.record(v.string(), v.unknown());
const ConfigText = v.pipe(v.string(), v.parseJson(), Config);

const time = (ms: number | null | undefined) =>
  ms === null || ms === undefined ? null : new Date(ms).toISOString();

/** The UI's job has its config in the database, also before it was ever started; a folder has the one it ran with. */
async function readConfig({ folder, job }: FoundRun): Promise<Readonly<Record<string, unknown>> | null> {
  const ofFolder = folder === undefined ? undefined : v.safeParse(Config, await readFolderConfig(folder));
  if (ofFolder?.success) return ofFolder.output;
  const text = job ? readUiConfig(job.database, job.id) : null;
  const ofUi = v.safeParse(ConfigText, text);
  return ofUi.success ? ofUi.output : null;
}

/** GPUs of the UI are numbered as nvidia-smi numbers them (`CUDA_DEVICE_ORDER=PCI_BUS_ID`). */
function gpuOf(
  { job }: FoundRun,
  snapshot: GpuSnapshot | undefined,
): Pick<Job, "gpu_uuid" | "gpu_index" | "gpu_name"> {
  const index = /^\d+$/.test(job?.gpuIds ?? "") ? Number(job?.gpuIds) : null;
  const gpu = snapshot?.kind === "gpus" ? snapshot.gpus.find((each) => each.index === index) : undefined;
  return { gpu_uuid: gpu?.uuid ?? null, gpu_index: index, gpu_name: gpu?.name ?? null };
}

/** A stopped trainer takes its row back to the step that it has saved; one that was killed is ahead of its files. */
const furthest = (...steps: readonly (number | null | undefined)[]) =>
  steps.reduce<number | null>((max, step) => (step == null ? max : Math.max(max ?? 0, step)), null);

/** Without a word of its own, what its folder shows: steps that were logged since it began. */
function seenReport(facts: FolderFacts | undefined, sinceMs: number | null): TrainerReport | undefined {
  const trains = facts?.endedMs != null && facts.step !== null && facts.endedMs >= (sinceMs ?? 0);
  return trains ? { status: "running", info: "Training", step: facts.step ?? 0, speed: null } : undefined;
}

export async function foreignRun(
  found: FoundRun,
  facts: FolderFacts | undefined,
  gpus: GpuSnapshot | undefined,
): Promise<ForeignRun> {
  const { id, origin, name, folder, state, trainer, job } = found;
  // Before its first start a job of the UI has its config in the database only.
  const config = facts?.totalSteps != null ? facts : (configFacts(await readConfig(found), "/") ?? facts);
  const log = folder !== undefined && (await isOwnFile(logOf(folder))) ? logOf(folder) : null;
  const hasBegun = facts !== undefined && (facts.step !== null || facts.startedMs !== null || log !== null);
  const ended = state === "ended" ? await endingOf(found, facts, hasBegun) : undefined;
  const sinceMs = trainer?.startedMs ?? facts?.startedMs ?? null;
  const endedMs = ended && hasBegun ? (facts?.endedMs ?? job?.updatedMs ?? null) : null;
  const report = () => (job ? uiReport(job) : seenReport(facts, trainer?.startedMs ?? null));
  return {
    id,
    origin,
    config: name,
    name: config?.name ?? name,
    trainer: facts?.isRehearsal ? "rehearsal" : "ai-toolkit",
    status: ended?.status ?? (state === "pending" ? "pending" : "running"),
    total_steps: config?.totalSteps ?? job?.totalSteps ?? null,
    output_folder: folder ?? NOWHERE,
    dataset_folders: config?.datasetFolders ?? [],
    requests: [],
    created_at: new Date(found.createdMs).toISOString(),
    started_at: state === "pending" ? null : time(sinceMs),
    finished_at: time(endedMs),
    pid: state === "running" ? (trainer?.pid ?? job?.pid ?? null) : null,
    start_ticks: trainer?.startTicks ?? null,
    boot_id: trainer?.bootId ?? null,
    claimed_pid: null,
    claimed_ticks: null,
    stop_requested_at: null,
    exit_code: null,
    final_step: ended && hasBegun ? furthest(facts?.step, job?.step) : null,
    reason: ended?.reason ?? null,
    hint: ended?.hint ?? null,
    recorded_end: null,
    wished_gpu: null,
    held: false,
    forced: false,
    ...gpuOf(found, gpus),
    speed_key: null,
    first_step: null,
    seconds_per_step: null,
    overhead_seconds: null,
    source: { log, readConfig: () => readConfig(found), report },
    // A run that goes on has what came since it began; of an ended one all in its folder is told.
    span: {
      sinceMs: state === "running" ? (trainer?.startedMs ?? 0) : 0,
      untilMs: Number.MAX_SAFE_INTEGER,
    },
    waiting_for: job && state === "pending" ? uiWaitingFor(job) : null,
  };
}

async function endingOf({ folder, job }: FoundRun, facts: FolderFacts | undefined, hasBegun: boolean) {
  const lines = folder === undefined ? [] : await readLines(folder);
  if (job) return uiEnding(job, hasBegun, lines);
  return facts?.ending;
}
