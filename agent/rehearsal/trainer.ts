// One training process from loading to the last file, in the order of jobs/process/BaseSDTrainProcess.py.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Bar } from "./bar.ts";
import { type Checkpoints, openCheckpoints } from "./checkpoints.ts";
import type { JobConfig } from "./config.ts";
import { loadDatasets } from "./dataset.ts";
import {
  diskFull,
  type Fault,
  gatedRepo,
  OOM_STEPS_FORGIVEN,
  oomBanner,
  outOfMemoryWhileLoading,
  outOfMemoryWhileTraining,
} from "./faults.ts";
import type { JobRow } from "./job-row.ts";
import { loadModel } from "./loading.ts";
import { dtypeOf, moduleCount } from "./lora.ts";
import { lossAt } from "./loss-curve.ts";
import { type LossLog, NO_LOSS_LOG, openLossLog } from "./loss-log.ts";
import { archOf, isTransformer, samplesTitle } from "./models.ts";
import type { Pace } from "./pace.ts";
import { type Frame, formatExponent, KeyboardInterrupt, PythonError } from "./python.ts";
import { sampleRequests, writeSample } from "./samples.ts";
import { checkOptimizer, checkSampler, type Settings } from "./settings.ts";
import type { Stage } from "./stage.ts";
import { suffer } from "./suffer.ts";
import { speedText, stepTimer } from "./timer.ts";
import { startWorkers, type Workers } from "./workers.ts";

/** What the real network gets when its block names no rank. */
const DEFAULT_RANK = 4;
const SLOW_EXIT_MS = 3000;

const inMaybeStop = (line: number, message: string): Frame => ({
  file: "extensions_built_in/sd_trainer/DiffusionTrainer.py",
  line,
  scope: "maybe_stop",
  code: `raise Exception("${message}")`,
});

/** What construct.ts has made ready. */
export interface Construction {
  readonly config: JobConfig;
  readonly settings: Settings;
  readonly folder: string;
  readonly pace: Pace;
  readonly fault: Fault | undefined;
  readonly row: JobRow;
}

export class Trainer {
  readonly #config: JobConfig;
  readonly #settings: Settings;
  readonly #folder: string;
  readonly #pace: Pace;
  readonly #fault: Fault | undefined;
  readonly #row: JobRow;
  readonly #stage: Stage;
  readonly #arch: string;
  readonly #checkpoints: Checkpoints;
  readonly #timer = stepTimer();
  #lossLog: LossLog = NO_LOSS_LOG;
  #workers: Workers | undefined;
  #bar: Bar | undefined;
  /** Completed steps. */
  #step = 0;
  #lastSavedStep = 0;
  #itemsPerEpoch = 1;
  #stopping = false;
  #oomSteps = 0;

  constructor({ config, settings, folder, pace, fault, row }: Construction, stage: Stage) {
    this.#config = config;
    this.#settings = settings;
    this.#folder = folder;
    this.#pace = pace;
    this.#fault = fault;
    this.#row = row;
    this.#stage = stage;
    this.#arch = archOf(settings.model);
    const { rehearsal: _, ...meta } = config.meta;
    this.#checkpoints = openCheckpoints({
      folder,
      name: config.name,
      processName: settings.name ?? config.name,
      arch: this.#arch,
      adapter: this.#adapter(),
      dtype: dtypeOf(settings.save.dtype),
      keep: settings.save.max_step_saves_to_keep,
      meta,
      triggerWord: settings.trigger_word,
      print: stage.streams.print,
    });
  }

  async run(): Promise<void> {
    await this.#loadModel();
    this.#createNetwork();
    this.#resume();
    await this.#loadDatasets();
    await this.#beforeTrainLoop();
    await this.#sampleBaseline();
    await this.#trainLoop();
    await this.#finish();
  }

  /** The `on_error` of the real process. @returns when the row tells what happened */
  async onError(error: PythonError | KeyboardInterrupt): Promise<void> {
    try {
      const isStop = error instanceof KeyboardInterrupt && this.#stage.age.takesInterruptAsStop;
      const [status, info] = isStop
        ? (["stopped", "Job stopped"] as const)
        : (["error", error.message] as const);
      if (!this.#stopping) await this.#row.setStatus(status, info);
      await this.#row.set("step", this.#lastSavedStep);
    } catch (failure) {
      const reason = failure instanceof Error ? failure.message : String(failure);
      this.#stage.streams.print(`[AITK] Warning: failed to update DB during error handling: ${reason}`);
    }
  }

  /** What the interpreter does on its way out. */
  async close(drawing: "last bar" | "nothing"): Promise<void> {
    if (drawing === "last bar") this.#bar?.close();
    await this.#workers?.stop();
    if (this.#fault?.kind === "slow-exit") await this.#stage.interrupt.pause(SLOW_EXIT_MS);
  }

  // --- phases ---

  async #loadModel(): Promise<void> {
    const { streams, interrupt, env } = this.#stage;
    const { model, train } = this.#settings;
    await this.#maybeStop();
    await this.#row.setStatus("running", "Loading model");
    checkSampler(train.noise_scheduler, this.#arch);
    await loadModel(this.#arch, model, {
      err: streams.err,
      interrupt,
      loadMs: this.#pace.loadMs,
      announce: async (text) => {
        streams.print(text);
        await this.#row.setStatus("running", text);
      },
      halfway: () => {
        if (this.#fault?.kind === "oom-load") throw outOfMemoryWhileLoading();
        if (this.#fault?.kind === "gated") throw gatedRepo(String(model.name_or_path), Boolean(env.HF_TOKEN));
      },
    });
    await this.#maybeStop();
  }

  #adapter() {
    const { network } = this.#settings;
    if (!network) return undefined;
    const rank = network.rank ?? network.linear ?? DEFAULT_RANK;
    const alpha = isTransformer(this.#arch) ? rank : (network.linear_alpha ?? network.alpha);
    return { arch: this.#arch, rank, alpha };
  }

  #createNetwork(): void {
    const { print } = this.#stage.streams;
    const adapter = this.#adapter();
    if (!adapter) return;
    print(`create LoRA network. base dim (rank): ${adapter.rank}, alpha: ${adapter.alpha}`);
    print("neuron dropout: p=None, rank dropout: p=None, module dropout: p=None");
    print("create LoRA for Text Encoder: 0 modules.");
    print(`create LoRA for U-Net: ${moduleCount(this.#arch)} modules.`);
    print("enable LoRA for U-Net");
  }

  #resume(): void {
    const { print } = this.#stage.streams;
    const { train } = this.#settings;
    const found = this.#checkpoints.latest();
    if (found) {
      print(`#### IMPORTANT RESUMING FROM ${found.path} ####`);
      print(`Loading from ${found.path}`);
      this.#step = found.load();
      print("Missing keys: []");
      print(`Found step ${this.#step} in metadata, starting from there`);
    }
    this.#step = train.start_step ?? this.#step;
    checkOptimizer(train.optimizer);
    if (!found || !existsSync(this.#checkpoints.optimizerPath)) return;
    print(`Loading optimizer state from ${this.#checkpoints.optimizerPath}`);
    print("Updating optimizer LR from params");
  }

  async #loadDatasets(): Promise<void> {
    const { streams, interrupt, cwd } = this.#stage;
    await this.#maybeStop();
    await this.#row.setStatus("running", "Loading dataset");
    const items = await loadDatasets(this.#settings.datasets ?? [], {
      print: streams.print,
      err: streams.err,
      openBar: (options) => new Bar({ ...options, write: streams.err }),
      interrupt,
      arch: this.#arch,
      cacheMs: this.#pace.cacheMs,
      toolkit: cwd,
    });
    this.#itemsPerEpoch = Math.max(1, items);
  }

  async #beforeTrainLoop(): Promise<void> {
    const { use_ui_logger, use_wandb } = this.#settings.logging;
    this.#lastSavedStep = this.#step;
    if (use_ui_logger && !use_wandb && this.#stage.age.hasLossLog)
      this.#lossLog = openLossLog(join(this.#folder, "loss_log.db"));
    await this.#maybeStop();
    await this.#row.set("step", this.#step);
    await this.#row.setStatus("running", "Training");
  }

  async #sampleBaseline(): Promise<void> {
    const { print } = this.#stage.streams;
    const { skip_first_sample, force_first_sample, disable_sampling } = this.#settings.train;
    if (skip_first_sample || disable_sampling) {
      print("Skipping first sample due to config setting");
    } else if (this.#step <= 1 || force_first_sample) {
      print("Generating baseline samples before training");
      await this.#sample();
    }
  }

  async #trainLoop(): Promise<void> {
    const { streams } = this.#stage;
    const { train, datasets } = this.#settings;
    this.#bar = new Bar({
      total: train.steps,
      initial: this.#step,
      description: this.#config.name,
      write: streams.err,
    });
    this.#workers = startWorkers(datasets?.[0]?.num_workers ?? 0, this.#fault?.kind);
    const first = this.#step;
    for (let step = first; step < train.steps; step++) {
      const loss = await this.#trainStep(step);
      if (loss !== undefined) {
        this.#bar.setPostfix(`lr: ${formatExponent(train.lr, 1)} loss: ${formatExponent(loss, 3)}`);
      }
      if (step !== first) await this.#afterStep(step, loss);
      this.#bar.update(this.#stage.age.countsCompletedSteps ? step + 1 : step);
      this.#step = step + 1;
      await this.#endStepHook();
    }
  }

  /** @returns the loss, undefined when the step ran out of memory and was skipped */
  async #trainStep(step: number): Promise<number | undefined> {
    const { interrupt, streams } = this.#stage;
    const { datasets, train, training_seed } = this.#settings;
    if (!datasets) {
      throw new PythonError("AttributeError", "'NoneType' object has no attribute 'file_items'");
    }
    const beganMs = performance.now();
    if (this.#fault?.step === step) await suffer(this.#fault.kind, this.#stage, this.#pace.stepMs);
    await interrupt.pause(this.#pace.stepMs);
    this.#timer.add(performance.now() - beganMs);
    const struck = this.#fault !== undefined && step >= this.#fault.step ? this.#fault.kind : undefined;
    if (struck === "oom") {
      this.#oomSteps += 1;
      if (this.#oomSteps > OOM_STEPS_FORGIVEN) throw outOfMemoryWhileTraining();
      streams.print(oomBanner(this.#oomSteps));
      return undefined;
    }
    if (struck === "nan") return Number.NaN;
    if (struck === "nan-zeroed") {
      streams.print("loss is nan");
      return 0;
    }
    return lossAt(step, train.steps, training_seed);
  }

  /** What the loop does after every step but a run's first. */
  async #afterStep(step: number, loss: number | undefined): Promise<void> {
    const { save, sample, logging, train } = this.#settings;
    const due = (every: number | null) => every !== null && every > 0 && step % every === 0;
    // Inside the loop the step being done counts, not the steps completed: 5 when six are.
    this.#step = step;
    if (due(save.save_every)) {
      await this.#paused(`\nSaving at step ${step}`, () => this.#save(step));
    }
    if (!train.disable_sampling && due(sample.sample_every) && step >= sample.sample_start_step) {
      await this.#paused(undefined, () => this.#sample());
    }
    if (loss !== undefined && (logging.log_every === null || due(logging.log_every))) {
      this.#lossLog.log(step, { learning_rate: train.lr, "loss/loss": loss });
    }
    if (due(this.#settings.performance_log_every)) {
      await this.#paused(undefined, () => this.#reportSpeed());
    }
  }

  async #finish(): Promise<void> {
    this.#bar?.close();
    this.#bar = undefined;
    await this.#save(undefined);
    if (!this.#settings.train.disable_sampling) await this.#sample();
    this.#stage.streams.print("");
    this.#lossLog.finish();
    await this.#workers?.stop();
    await this.#row.setStatus("completed", "Training completed");
  }

  // --- what several phases do ---

  /** With the main bar standing still. */
  async #paused(line: string | undefined, work: () => Promise<void>): Promise<void> {
    this.#bar?.pause();
    if (line !== undefined) this.#stage.streams.print(line);
    await work();
    this.#bar?.resume();
  }

  async #save(step: number | undefined): Promise<void> {
    const { interrupt } = this.#stage;
    await this.#maybeStop();
    await this.#row.setStatus("running", "Saving model");
    // Before the file is there: who is interrupted while saving goes back to a step that is not on the disk.
    this.#lastSavedStep = step ?? this.#lastSavedStep;
    const epoch = Math.floor((this.#step * this.#settings.train.batch_size) / this.#itemsPerEpoch);
    await this.#checkpoints.save(step, { step: this.#step, epoch }, async () => {
      await interrupt.pause(this.#pace.saveMs);
      if (this.#fault === undefined || this.#step < this.#fault.step) return;
      if (this.#fault.kind === "truncated") process.kill(process.pid, "SIGKILL");
      if (this.#fault.kind === "disk-full") throw diskFull();
    });
    await this.#maybeStop();
    await this.#row.setStatus("running", "Training");
  }

  async #sample(): Promise<void> {
    const { streams, interrupt } = this.#stage;
    const { sample, train, trigger_word } = this.#settings;
    await this.#maybeStop();
    checkSampler(sample.sampler, this.#arch);
    const requests = sampleRequests(sample, trigger_word);
    const total = requests.length;
    await this.#row.setStatus("running", `Generating images - 0/${total}`);
    const bar = new Bar({
      total,
      description: samplesTitle(this.#arch),
      nested: this.#bar !== undefined,
      leave: false,
      write: streams.err,
    });
    for (const [index, request] of requests.entries()) {
      await interrupt.pause(this.#pace.sampleMs);
      await writeSample({
        folder: this.#folder,
        step: this.#step,
        index,
        extension: sample.num_frames > 1 ? "webp" : sample.format,
        request,
        clarity: 1 - 0.85 * Math.exp((-3 * this.#step) / Math.max(train.steps, 1)),
      });
      bar.update(index + 1);
      await this.#maybeStop();
      await this.#row.setStatus("running", `Generating images - ${index + 1}/${total}`);
    }
    bar.close();
    streams.print("");
    await this.#maybeStop();
    await this.#row.setStatus("running", "Training");
  }

  async #reportSpeed(): Promise<void> {
    const { secondsPerStep, table } = this.#timer.take(this.#config.name);
    if (this.#stage.env.IS_AI_TOOLKIT_UI !== "1") this.#stage.streams.print(table);
    await this.#row.set("speed_string", speedText(secondsPerStep));
  }

  async #endStepHook(): Promise<void> {
    await this.#row.set("step", this.#step);
    await this.#maybeStop();
    const { age } = this.#stage;
    if (age.takesSaveNow && (await this.#row.isSet("save_now"))) {
      await this.#row.set("save_now", 0);
      await this.#paused(`\nSaving at step ${this.#step}`, () => this.#save(this.#step));
    }
    if (age.takesSampleNow && (await this.#row.isSet("sample_now"))) {
      await this.#row.set("sample_now", 0);
      await this.#paused(`\nSampling at step ${this.#step}`, () => this.#sample());
    }
  }

  async #maybeStop(): Promise<void> {
    this.#stage.interrupt.check(); // also where nothing sleeps any more, like after the last file
    const deaf = this.#fault?.kind === "ignores-sigint" || this.#fault?.kind === "ignores-sigterm";
    if (this.#stopping || deaf) return;
    if (await this.#row.isSet("stop")) {
      await this.#stopAs("stopped", "Job stopped", inMaybeStop(170, "Job stopped"), "Job stopped");
    }
    if (await this.#row.isSet("return_to_queue")) {
      const message = "Job returning to queue";
      await this.#stopAs("queued", "Job queued", inMaybeStop(175, message), message);
    }
  }

  async #stopAs(status: "stopped" | "queued", info: string, place: Frame, message: string): Promise<never> {
    await this.#row.setStatus(status, info);
    this.#stopping = true;
    throw new PythonError("Exception", message, [place]);
  }
}
