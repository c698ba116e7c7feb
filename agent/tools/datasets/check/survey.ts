// A walk through a data set: every file to be trained with its size and time, what shows without opening it, its caption,
// and what is known of it from before, or what its first bytes say.
import { join } from "node:path";
import { readStarts } from "../../../files/read-start.ts";
import { statAllNow } from "../../../files/stat-all.ts";
import { CAPTION_MAX_BYTES, type Caption, captionFrom, readLinked } from "../captions/caption-file.ts";
import { roleOf } from "../companions.ts";
import { stemOf } from "../images.ts";
import { isPassedOver, type MediaKind } from "../media.ts";
import { LATENT_CACHE } from "../trainer-caches.ts";
import { type MediaFile, mediaIn, type Roots, type WalkedFolder, walkDataset } from "../walk-dataset.ts";
import type { CaptionLint } from "./caption-lint.ts";
import type { Facts } from "./facts.ts";
import { type FactsStore, identityOf, type KnownFacts, type KnownFile } from "./facts-store.ts";
import type { Findings } from "./findings.ts";
import { headFactsOf } from "./head-facts.ts";
import { isStale, type LatentTimes, latentTimes, recordedSignatures } from "./stale-caches.ts";

export interface SurveyedFile extends MediaFile, KnownFile {
  /** So far. */
  facts: Facts | undefined;
}

/** Files beyond these are not looked at: the memory has to hold them. */
export const FILES_MAX = 200_000;
/** Files of one folder between two looks at what has been found so far. */
const PORTION = 1_000;

export interface SurveyParts {
  readonly roots: Roots;
  /** Where the data set really lies: its files' facts are kept under it. */
  readonly folder: string;
  readonly store: FactsStore;
  readonly findings: Findings;
  readonly lint: CaptionLint;
  readonly signal: AbortSignal;
}

export class Survey {
  readonly #parts: SurveyParts;
  #known: KnownFacts | undefined;
  /** So far; of all kinds, in the end sorted by path. */
  readonly files: SurveyedFile[] = [];
  readonly counts: Record<MediaKind, number> = { image: 0, video: 0, audio: 0 };
  captionCount = 0;
  #signatures: ReadonlyMap<string, string> = new Map();

  constructor(parts: SurveyParts) {
    this.#parts = parts;
    this.#known = parts.store.known(parts.folder);
  }

  get isCapped(): boolean {
    const { image, video, audio } = this.counts;
    return image + video + audio > FILES_MAX;
  }

  /** @param dataset its name */
  async walk(dataset: string): Promise<void> {
    const { roots, folder, store, findings, lint, signal } = this.#parts;
    const odd = await walkDataset(roots, dataset, signal, (walked) => this.#visit(dataset, walked));
    lint.end();
    for (const path of odd) findings.add("unchecked", `${path}/`);
    this.files.sort((a, b) => (a.path < b.path ? -1 : 1));
    const there = new Set(this.files.map(({ path }) => path));
    if (!this.isCapped) store.forget(folder, this.#known?.paths.filter((path) => !there.has(path)) ?? []);
    this.#known = undefined; // it is as large as all the rest
  }

  async #visit(dataset: string, walked: WalkedFolder): Promise<void> {
    const { roots, findings, signal } = this.#parts;
    if (walked.path === "") this.#signatures = await recordedSignatures(walked.folder);
    const media = mediaIn(walked);
    for (const { kind } of media) this.counts[kind]++;
    noteNames(walked, media, findings);
    const hasLatents = walked.entries.some((entry) => entry.name === LATENT_CACHE && entry.isDirectory());
    const latents = hasLatents
      ? await latentTimes(roots, join(dataset, walked.path))
      : new Map<string, number>();
    const present = new Set(walked.entries.map(({ name }) => name));
    // Those that share a caption stay together.
    const byCaption = [
      ...Map.groupBy(media.slice(0, FILES_MAX - this.files.length), ({ caption }) => caption),
    ];
    for (let at = 0; at < byCaption.length; at += PORTION) {
      const portion = new Map(byCaption.slice(at, at + PORTION));
      signal.throwIfAborted();
      await this.#captions(dataset, walked, portion, present);
      await this.#look(walked, [...portion.values()].flat(), latents);
    }
  }

  async #captions(
    dataset: string,
    walked: WalkedFolder,
    portion: ReadonlyMap<string, readonly MediaFile[]>,
    present: ReadonlySet<string>,
  ): Promise<void> {
    const { roots, lint } = this.#parts;
    const names = [...portion.keys()].filter((name) => present.has(name));
    const read = new Map<string, Caption | undefined>();
    await readStarts(
      names.map((name) => walked.folder.at(name)),
      CAPTION_MAX_BYTES,
      (index, start) => read.set(names[index] ?? "", captionFrom(start)),
    );
    for (const [name, sharers] of portion) {
      const caption = present.has(name)
        ? (read.get(name) ?? (await readLinked(roots, join(dataset, walked.path, name))))
        : { state: "missing" as const };
      if (caption.state !== "missing") this.captionCount += sharers.length;
      lint.add(
        sharers.map(({ path }) => path),
        caption,
      );
    }
  }

  async #look({ folder }: WalkedFolder, media: readonly MediaFile[], latents: LatentTimes): Promise<void> {
    const { findings, store } = this.#parts;
    const stats = await statAllNow(media.map(({ name }) => folder.at(name)));
    const files = media.flatMap((file, index): SurveyedFile[] => {
      const found = stats[index];
      if (!found?.isFile()) return [];
      const { size, mtimeMs } = found;
      const identity = identityOf(found);
      if (isStale({ path: file.path, stem: stemOf(file.name), size, mtimeMs }, latents, this.#signatures))
        findings.add("stale_cache", file.path);
      return [{ ...file, identity, facts: this.#known?.get({ path: file.path, identity }) }];
    });
    const unknown = files.filter(({ kind, facts }) => kind === "image" && !facts);
    const heads = await headFactsOf(unknown.map(({ name }) => folder.at(name)));
    const read = unknown.flatMap((file, index) => {
      const facts = heads[index];
      return facts ? [Object.assign(file, { facts })] : [];
    });
    store.remember(this.#parts.folder, read);
    this.files.push(...files);
  }
}

/** What the names of a folder's entries say. */
function noteNames({ path, entries }: WalkedFolder, media: readonly MediaFile[], findings: Findings): void {
  if (path !== "" && media.length > 0 && roleOf(path)) {
    findings.add("companion_trained", `${path}/`, media.length);
  }
  const captions = new Set(media.map(({ caption }) => caption));
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    if (isPassedOver(entry.name)) findings.add("not_trained", join(path, entry.name));
    if (entry.name.toLowerCase().endsWith(".txt") && !captions.has(entry.name))
      findings.add("orphan_caption", join(path, entry.name));
  }
}
