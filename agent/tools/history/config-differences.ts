// In which settings runs differ. Names, folders and what we set in every private config say nothing about that.
import { basename } from "node:path";
import * as v from "valibot";
import { FOLDER_KEYS } from "../configs/dataset-folders.ts";

type Json = Readonly<Record<string, unknown>>;

const NOISE =
  /^(name|training_folder|log_dir|sqlite_db_path|performance_log_every|device)$|^logging\.|(^|\.)process\.\d+\.name$/;

/** The same training with and without reports (run-config.ts). */
const SAME_TYPES = new Set(["sd_trainer", "ui_trainer", "diffusion_trainer"]);

const Config = v.object({
  config: v.object({ process: v.pipe(v.array(v.record(v.string(), v.unknown())), v.minLength(1)) }),
});

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** YAML readers disagree about 1e-4. */
function plain(value: unknown): unknown {
  return typeof value === "string" && /^[-+]?\d+(\.\d*)?(e[-+]?\d+)?$/i.test(value) ? Number(value) : value;
}

function comparable(path: string, value: unknown): unknown {
  const key = path.split(".").at(-1) ?? "";
  if (path === "type" && SAME_TYPES.has(String(value))) return "diffusion_trainer";
  if (FOLDER_KEYS.some((folder) => folder === key)) {
    const last = (each: unknown) => (typeof each === "string" ? basename(each) : each);
    return Array.isArray(value) ? value.map(last) : last(value);
  }
  return Array.isArray(value) ? value.map(plain) : plain(value);
}

/** Every setting below `value` by its dotted path; a list of plain values is one setting. */
function settings(value: unknown, path: string, found: Map<string, unknown>): void {
  const isTree = isObject(value) || (Array.isArray(value) && value.some(isObject));
  if (!isTree) {
    if (path !== "" && !NOISE.test(path)) found.set(path, comparable(path, value));
    return;
  }
  for (const [key, below] of Object.entries(value))
    settings(below, path === "" ? key : `${path}.${key}`, found);
}

function settingsOf(config: unknown): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const parsed = v.safeParse(Config, config);
  if (!parsed.success) return found;
  const [first, ...others] = parsed.output.config.process;
  settings(first, "", found);
  for (const [index, process] of others.entries()) settings(process, `process.${index + 1}`, found);
  return found;
}

/** Prompts may be long; which it was is clear from their beginning. */
const TEXT_MAX_CHARS = 120;

function shown(value: unknown): unknown {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(shown);
  return typeof value === "string" && value.length > TEXT_MAX_CHARS
    ? `${value.slice(0, TEXT_MAX_CHARS)}…`
    : value;
}

/**
 * Dotted path → the value in each config, in their order; null where a config does not say it. Configs that are not
 * known (null) have null everywhere and make no difference.
 */
export function configDifferences(configs: readonly unknown[]): Map<string, readonly unknown[]> {
  const all = configs.map(settingsOf);
  const known = all.filter((_, index) => configs[index] !== null);
  const paths = [...new Set(known.flatMap((each) => [...each.keys()]))].sort();
  const differing = paths.filter(
    (path) => new Set(known.map((each) => JSON.stringify(each.get(path)))).size > 1,
  );
  return new Map(differing.map((path) => [path, all.map((each) => shown(each.get(path)))]));
}
