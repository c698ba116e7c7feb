// A first walk through a data set: every file to be trained with its size and time, and what shows without opening it.
import { join } from "node:path";
import { atOnce } from "../../../files/at-once.ts";
import { statAll } from "../../../files/stat-all.ts";
import { readCaption } from "../captions/caption-file.ts";
import { roleOf } from "../companions.ts";
import { stemOf } from "../images.ts";
import { isPassedOver, type MediaKind } from "../media.ts";
import { LATENT_CACHE } from "../trainer-caches.ts";
import { type MediaFile, mediaIn, type Roots, type WalkedFolder, walkDataset } from "../walk-dataset.ts";
import type { CaptionLint } from "./caption-lint.ts";
import type { KnownFile } from "./facts-store.ts";
import type { Findings } from "./findings.ts";
import { isStale, latentTimes, recordedSignatures } from "./stale-caches.ts";

export interface SurveyedFile extends MediaFile, KnownFile {}

export interface Survey {
  /** Of the wanted and of all other kinds, sorted by path. */
  readonly files: readonly SurveyedFile[];
  readonly counts: Readonly<Record<MediaKind, number>>;
  readonly captionCount: number;
}

/** Files beyond these are not looked at: nobody trains a LoRA on so many, and the memory has to hold them. */
export const FILES_MAX = 20_000;
const READS_AT_ONCE = 16;

export async function survey(
  roots: Roots,
  dataset: string,
  { findings, lint, signal }: { findings: Findings; lint: CaptionLint; signal: AbortSignal },
): Promise<Survey> {
  const files: SurveyedFile[] = [];
  const counts = { image: 0, video: 0, audio: 0 };
  let captionCount = 0;
  let signatures: ReadonlyMap<string, string> = new Map();
  const odd = await walkDataset(roots, dataset, signal, async (walked) => {
    if (walked.path === "") signatures = await recordedSignatures(walked.folder);
    const media = mediaIn(walked);
    for (const { kind } of media) counts[kind]++;
    const inside = media.slice(0, FILES_MAX - files.length);
    captionCount += await lintCaptions(roots, dataset, walked, inside, lint, signal);
    noteNames(walked, media, findings);
    const hasLatents = walked.entries.some((entry) => entry.name === LATENT_CACHE && entry.isDirectory());
    const latents = hasLatents
      ? await latentTimes(roots, join(dataset, walked.path))
      : new Map<string, number>();
    const stats = await statAll(inside.map(({ name }) => walked.folder.at(name)));
    for (const [index, file] of inside.entries()) {
      const found = stats[index];
      if (!found?.isFile()) continue;
      const { ino, size, mtimeMs, ctimeMs } = found;
      files.push({ ...file, identity: `${ino}:${size}:${mtimeMs}:${ctimeMs}` });
      if (isStale({ path: file.path, stem: stemOf(file.name), size, mtimeMs }, latents, signatures))
        findings.add("stale_cache", file.path);
    }
  });
  for (const path of odd) findings.add("unchecked", `${path}/`);
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, counts, captionCount };
}

/** @returns how many of the files have a caption */
async function lintCaptions(
  roots: Roots,
  dataset: string,
  walked: WalkedFolder,
  media: readonly MediaFile[],
  lint: CaptionLint,
  signal: AbortSignal,
): Promise<number> {
  const present = new Set(walked.entries.map(({ name }) => name));
  let captioned = 0;
  await atOnce(
    Map.groupBy(media, ({ caption }) => caption),
    READS_AT_ONCE,
    async ([name, sharers]) => {
      signal.throwIfAborted();
      const caption = present.has(name)
        ? await readCaption(roots, dataset, walked, name)
        : { state: "missing" as const };
      if (caption.state !== "missing") captioned += sharers.length;
      lint.add(
        sharers.map(({ path }) => path),
        caption,
      );
    },
  );
  return captioned;
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
