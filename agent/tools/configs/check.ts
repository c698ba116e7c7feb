// A check looks at a parsed config and says what it finds. What is checked stands in the table in checks.ts.
import { resolve } from "node:path";
import type { Paths } from "../../paths.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface Finding {
  /** An error keeps the training from working; a warning is something its author may not have meant. */
  readonly level: "error" | "warning";
  readonly text: string;
  /** What to do about it, one sentence. */
  readonly fix: string;
  /** `blocks`: no start without `force`. `error`: a start cannot do without, a config that is still being written can. */
  readonly atStart?: "blocks" | "error";
}

export const error = (text: string, fix: string): Finding => ({ level: "error", text, fix });
export const warning = (text: string, fix: string): Finding => ({ level: "warning", text, fix });
/** A warning of something that almost certainly ends badly, hours later or for others on the machine. */
export const blocker = (text: string, fix: string): Finding => ({ ...warning(text, fix), atStart: "blocks" });

export interface Process {
  /** "" for the first, as the old server said it, then `process[1]: `. */
  readonly at: string;
  readonly block: JsonObject;
}

export interface Dataset {
  /** `Dataset 0`, with its process's `at` in front. */
  readonly label: string;
  readonly block: JsonObject;
  readonly process: Process;
  /** Absolute; undefined where the config names none. */
  readonly folder: string | undefined;
  /** As the config has it. */
  readonly folderText: string | undefined;
}

export interface CheckContext {
  /** The file as it is, comments included. */
  readonly text: string;
  readonly config: unknown;
  /** The processes that train. Captioners and tools have other needs. */
  readonly trainers: readonly Process[];
  readonly datasets: readonly Dataset[];
  readonly paths: Paths;
  /** Can the trainer log in to Hugging Face? */
  readonly hasHfToken: boolean;
  /** Is a base model on this machine already? */
  readonly isDownloaded: (path: string) => Promise<boolean>;
}

export interface Check {
  readonly name: string;
  readonly run: (context: CheckContext) => readonly Finding[] | Promise<readonly Finding[]>;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {});
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const asText = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** All of `config.process`, whatever it is. */
export function processesOf(config: unknown): readonly unknown[] {
  return asList(asObject(asObject(config).config).process);
}

/** A relative folder means the one below the toolkit's root: that is where the trainer runs. */
export function datasetsOf(process: Process, root: string): Dataset[] {
  return asList(process.block.datasets).map((entry, index) => {
    const block = asObject(entry);
    // `dataset_path` is the trainer's newer word for the same; it prefers that one.
    const folderText = asText(block.dataset_path) ?? asText(block.folder_path);
    return {
      label: `${process.at}Dataset ${index}`,
      block,
      process,
      folder: folderText === undefined ? undefined : resolve(root, folderText),
      folderText,
    };
  });
}
