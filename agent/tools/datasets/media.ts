// Which files ai-toolkit trains on, by their extension in any case (toolkit/data_loader.py:41-43): an image data set takes
// images; one with `num_frames` above 1 or `auto_frame_count` takes videos, and images as videos of one frame; an audio
// model takes sounds only.
import { extname } from "node:path";
import { IMAGE_EXTENSIONS } from "./images.ts";

export const MEDIA_KINDS = ["image", "video", "audio"] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

export const VIDEO_EXTENSIONS = [".mp4", ".avi", ".mov", ".webm", ".mkv", ".wmv", ".m4v", ".flv"] as const;
export const AUDIO_EXTENSIONS = [".mp3", ".wav", ".flac", ".aac", ".ogg", ".m4a"] as const;

const KIND_OF = new Map<string, MediaKind>([
  ...IMAGE_EXTENSIONS.map((extension) => [extension, "image"] as const),
  ...VIDEO_EXTENSIONS.map((extension) => [extension, "video"] as const),
  ...AUDIO_EXTENSIONS.map((extension) => [extension, "audio"] as const),
]);

/** What people put into data sets and the trainer passes over without a word. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  ...[".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jfif", ".jxl", ".svg", ".psd"],
  ...[".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".mpg", ".mpeg", ".3gp", ".ogv", ".mts", ".m2ts"],
  ...[".opus", ".aif", ".aiff", ".wma"],
]);

export function mediaKindOf(name: string): MediaKind | undefined {
  return KIND_OF.get(extname(name).toLowerCase());
}

/** Is it a picture, video or sound that the trainer has no extension for? */
export function isPassedOver(name: string): boolean {
  return PASSED_OVER.has(extname(name).toLowerCase());
}

/** What a data set is made of; null when there is nothing to train on in it. */
export function kindOfDataset(counts: Readonly<Record<MediaKind, number>>): MediaKind | "mixed" | null {
  const [kind, ...others] = MEDIA_KINDS.filter((each) => counts[each] > 0);
  return kind === undefined ? null : others.length > 0 ? "mixed" : kind;
}
