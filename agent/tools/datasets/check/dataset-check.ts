// One check of one data set, put together from the survey, the files' own facts, and the model's rules. It goes on for as
// long as it takes; what it has found so far can be told at any time.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import type * as v from "valibot";
import type { Progress } from "../../../../shared/contract.ts";
import { ToolError } from "../../../../shared/errors.ts";
import type { checkDataset } from "../../../../shared/tools/dataset-check.ts";
import { checkRelative, closing, fileInside, isMissing } from "../../../files/sandbox.ts";
import type { Slots } from "../../../files/slots.ts";
import type { Paths } from "../../../paths.ts";
import { kindOfDataset } from "../media.ts";
import { openDataset } from "../open-dataset.ts";
import { bucketsOf, type Item } from "./buckets.ts";
import { CaptionLint } from "./caption-lint.ts";
import { likelyKinds, type Rules, rulesOf } from "./check-rules.ts";
import { type Facts, isWhole, measuresOf } from "./facts.ts";
import type { FactsStore } from "./facts-store.ts";
import { Findings } from "./findings.ts";
import { noteImages, notePartners, type Seen } from "./judge.ts";
import { type Candidate, lookAtAll } from "./look-at-all.ts";
import { factsOf } from "./media-facts.ts";
import { openPartnerFolder, type PartnerFile, type PartnerFolder } from "./partner-folder.ts";
import { FILES_MAX, Survey, type SurveyedFile } from "./survey.ts";

export type Input = v.InferOutput<typeof checkDataset.input>;
export type Output = v.InferInput<typeof checkDataset.output>;

export type CheckPaths = Pick<Paths, "datasets" | "datasetRoots" | "state">;

export interface CheckParts {
  readonly paths: CheckPaths;
  readonly store: FactsStore;
  readonly slots: Slots;
}

const BUCKETS_SHOWN = 12;
/** At most so many words of how far it is. */
const TOLD_TIMES = 100;

interface OwnFile extends Candidate {
  readonly role: undefined;
}

export class DatasetCheck {
  /** Resolves when all has been looked at; rejects when it cannot be, or with AbortError when it was stopped. */
  readonly done: Promise<void>;
  isOver = false;
  readonly #parts: CheckParts;
  readonly #input: Input;
  readonly #rules: Rules;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<(progress: Progress) => void>();
  /** Of what the walk shows; what the facts show is found anew with each report. */
  readonly #findings = new Findings();
  readonly #unopened = new Set<Candidate>();
  #survey: Survey | undefined;
  #trained: readonly OwnFile[] = [];
  #partners: readonly PartnerFolder[] = [];
  #isSurveyed = false;
  /** The one whose place this takes, once it knows as much. */
  #before: DatasetCheck | undefined;

  /** @throws ToolError invalid_input */
  constructor(parts: CheckParts, input: Input, before?: DatasetCheck) {
    this.#parts = parts;
    this.#input = input;
    this.#rules = rulesOf(input);
    this.#before = before;
    this.done = this.#run().finally(() => {
      this.isOver = true;
    });
    this.done.catch(() => {}); // whoever waits for it hears of it
  }

  /** Is everything seen that can be seen without looking at files to their end? */
  get isSurveyed(): boolean {
    return this.#isSurveyed;
  }

  /** Does somebody wait for it? */
  get isAwaited(): boolean {
    return this.#listeners.size > 0;
  }

  /** @returns the one that goes on in its stead, if there is one */
  stop(): DatasetCheck | undefined {
    this.#stopping.abort();
    return this.#before?.isOver === false ? this.#before : undefined;
  }

  /** @returns what takes the listener off again */
  listen(onProgress: (progress: Progress) => void): () => void {
    this.#listeners.add(onProgress);
    return () => this.#listeners.delete(onProgress);
  }

  async #run(): Promise<void> {
    const { paths, store, slots } = this.#parts;
    const { name } = this.#input;
    const { signal } = this.#stopping;
    const findings = this.#findings;
    const folder = await openDataset(paths, name);
    const path = await closing(folder, async (opened) => {
      await access(opened.at("."), constants.W_OK).catch(() => findings.add("not_writable", name));
      return opened.path;
    });
    const { trigger_word: trigger } = this.#input;
    const lint = new CaptionLint(findings, { trigger, clipOnly: this.#rules.clipOnly });
    const survey = new Survey({ roots: paths, folder: path, store, findings, lint, signal });
    this.#survey = survey;
    await survey.walk(checkRelative(name, "dataset"));
    this.#trained = this.#own(survey, path);
    if (this.#trained.length === 0) findings.add("no_media", name);
    if (this.#rules.lacksControl) findings.add("control_needed", name);
    try {
      await this.#openPartners();
      this.#isSurveyed = true;
      this.#before?.stop();
      this.#before = undefined;
      const todo = this.#candidates().filter(({ facts }) => !isWhole(facts));
      this.#tell();
      const every = Math.ceil(this.#candidates().length / TOLD_TIMES);
      let looked = 0;
      const onLooked = (file: Candidate, facts: Facts | undefined) => {
        if (!facts) this.#unopened.add(file);
        if (++looked % every === 0) this.#tell();
      };
      await lookAtAll(todo, { store, slots, signal, onLooked });
    } finally {
      for (const each of this.#partners) await each[Symbol.asyncDispose]();
    }
  }

  #own({ files, counts }: Survey, folder: string): OwnFile[] {
    const { paths } = this.#parts;
    const kinds = this.#kinds(counts);
    return files.flatMap((file) => {
      if (kinds.has(file.kind))
        return Object.assign(file, {
          folder,
          role: undefined,
          look: () => lookAt(paths, this.#input.name, file),
        });
      this.#findings.add("not_trained", file.path);
      return [];
    });
  }

  #kinds(counts: Survey["counts"]) {
    return this.#rules.kinds ?? likelyKinds(counts);
  }

  async #openPartners(): Promise<void> {
    const { paths, store } = this.#parts;
    const { control = [], mask } = this.#input;
    const trained = this.#trained.map(({ path }) => path);
    const opened: PartnerFolder[] = [];
    this.#partners = opened;
    for (const given of typeof control === "string" ? [control] : control)
      opened.push(await openPartnerFolder(paths, "control", given, trained, store));
    if (mask !== undefined) opened.push(await openPartnerFolder(paths, "mask", mask, trained, store));
  }

  #candidates(): readonly (OwnFile | PartnerFile)[] {
    return [...this.#trained, ...this.#partners.flatMap(({ files }) => files)];
  }

  get #checked(): number {
    return this.#candidates().filter((file) => isWhole(file.facts) || this.#unopened.has(file)).length;
  }

  #tell(): void {
    if (this.#listeners.size === 0) return;
    const [checked, total] = [this.#checked, this.#candidates().length];
    for (const listener of this.#listeners)
      listener({ progress: checked, total, message: `checked ${checked}/${total}` });
  }

  /** What is known so far. @param limit examples of each finding */
  async report(limit: number, signal: AbortSignal): Promise<Output> {
    const survey = this.#survey;
    if (!this.#isSurveyed && this.#before) return await this.#before.report(limit, signal);
    const { name, batch_size } = this.#input;
    const findings = this.#findings.copy();
    const counts = survey?.counts ?? { image: 0, video: 0, audio: 0 };
    const kinds = this.#kinds(counts);
    const files = this.#isSurveyed
      ? this.#trained
      : (survey?.files.filter(({ kind }) => kinds.has(kind)) ?? []);
    for (const file of this.#unopened) findings.add("unchecked", shownOf(file));
    const seen = files.flatMap(({ path, facts }): Seen[] => (facts ? [{ path, facts }] : []));
    await noteImages(seen, this.#rules.resolutions, findings, signal);
    notePartners(this.#partners, seen, findings);
    const total = this.#isSurveyed ? this.#candidates().length : files.length;
    const checked = this.#isSurveyed ? this.#checked : files.filter(({ facts }) => isWhole(facts)).length;
    const complete = this.#isSurveyed && checked === total;
    const items = itemsOf(seen);
    const isBad = findings.worst === "error" || findings.worst === "warning";
    return {
      name,
      kind: kindOfDataset(counts),
      verdict: isBad ? "needs_attention" : complete ? "ready" : null,
      complete,
      checked,
      measured: items.length,
      total,
      image_count: counts.image,
      video_count: counts.video,
      audio_count: counts.audio,
      caption_count: survey?.captionCount ?? 0,
      findings: findings.list(limit).map((finding) => ({ ...finding, examples: [...finding.examples] })),
      divisibility: this.#rules.divisibility,
      buckets: kinds.has("audio") ? [] : previewOf(items, this.#rules, batch_size),
      next: complete ? null : NEXT,
      ...(survey?.isCapped && { warnings: [`Only the first ${FILES_MAX} files are checked`] }),
    };
  }
}

const NEXT = "The check goes on by itself: call check_dataset again to see what it has found by then";

const shownOf = (file: Candidate) => ("shown" in file ? String(file.shown) : file.path);

/** undefined: gone meanwhile, or a link that leads out of where data sets may lie. */
async function lookAt(
  { datasets, datasetRoots }: CheckPaths,
  dataset: string,
  { path, kind }: SurveyedFile,
): Promise<Facts | undefined> {
  try {
    return await closing(
      await fileInside(datasets, join(dataset, path), "image file", { alsoInside: datasetRoots }),
      (opened) => factsOf(opened.handle, kind, opened.path),
    );
  } catch (error) {
    if (isMissing(error) || error instanceof ToolError) return undefined;
    throw error;
  }
}

function itemsOf(seen: readonly Seen[]): Item[] {
  return seen.flatMap(({ facts }): Item[] => {
    const { width, height } = measuresOf(facts) ?? (facts.is === "video" ? facts : {});
    return width && height ? [{ kind: facts.is === "video" ? "video" : "image", width, height }] : [];
  });
}

function previewOf(items: readonly Item[], rules: Rules, batchSize: number): Output["buckets"] {
  return rules.resolutions.map((resolution) => {
    const buckets = bucketsOf(items, resolution, rules.divisibility, batchSize);
    return {
      resolution,
      bucket_count: buckets.length,
      buckets: buckets.slice(0, BUCKETS_SHOWN),
      smaller: items.filter(({ width, height }) => width * height < resolution * resolution).length,
    };
  });
}
