// The files in `config/`: which there are, and reading one.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { getSystemErrorMessage } from "node:util";
import { softError, ToolError } from "../../../shared/errors.ts";
import { checkRelative, closing, fileInside, hasCode, isMissing } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";
import { type Parsed, parseConfig } from "./yaml.ts";

/** In the order in which a name is looked up. The trainer takes all three; we write the first. */
export const EXTENSIONS = [".yaml", ".yml", ".json"] as const;

/** A config with 64 prompts of the longest kind has a quarter of this. */
const MAX_CONFIG_BYTES = 1024 * 1024;

export interface ConfigText {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

export interface ConfigFile extends ConfigText, Parsed {}

/** "permission denied (EACCES)": the system's words without the path in Node's message, which may be a descriptor's. */
function systemText(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("errno" in error) || typeof error.errno !== "number") return undefined;
  return `${getSystemErrorMessage(error.errno)} (${"code" in error ? String(error.code) : error.errno})`;
}

/**
 * A system error as the old server's sentence: "Failed to {what} config: …". Everything else stays as it is, and so does
 * a full disk, which has a sentence of its own.
 */
export function failedTo(what: "read" | "write" | "delete", error: unknown): unknown {
  const text = systemText(error);
  if (text === undefined || hasCode(error, "ENOSPC", "EDQUOT")) return error;
  return new ToolError("internal", `Failed to ${what} config: ${text}`, { cause: error });
}

export function configNotFound(extra: Record<string, unknown> = {}): ToolError {
  return softError(
    "not_found",
    "Configuration not found",
    extra,
    "list_configs shows the configurations there are",
  );
}

/** The file a name stands for, or undefined. */
async function readFirst(paths: Paths, name: string): Promise<ConfigText | undefined> {
  for (const extension of EXTENSIONS) {
    const file = `${name}${extension}`;
    try {
      const text = await closing(await fileInside(paths.config, file, "config"), async ({ handle }) => {
        if ((await handle.stat()).size > MAX_CONFIG_BYTES) {
          throw new ToolError(
            "too_large",
            `Failed to read config: ${file} is larger than ${MAX_CONFIG_BYTES} bytes`,
          );
        }
        return new TextDecoder("utf-8", { fatal: true }).decode(await handle.readFile());
      });
      return { name, path: join(paths.config, file), text };
    } catch (error) {
      if (isMissing(error)) continue;
      if (hasCode(error, "ERR_ENCODING_INVALID_ENCODED_DATA")) {
        throw new ToolError("internal", `Failed to read config: ${file} is not UTF-8 text`, { cause: error });
      }
      throw failedTo("read", error);
    }
  }
  return undefined;
}

/** @throws ToolError invalid_input for a bad name, soft not_found, internal or too_large when it cannot be read */
export async function readConfigText(paths: Paths, name: string): Promise<ConfigText> {
  // First the name alone: with an extension behind it, ".." would pass for a hidden file.
  const found = await readFirst(paths, checkRelative(name, "config"));
  if (!found) throw configNotFound();
  return found;
}

/** @throws as readConfigText, and ToolError conflict for "Invalid YAML format: …" */
export async function readConfigFile(paths: Paths, name: string): Promise<ConfigFile> {
  const file = await readConfigText(paths, name);
  return { ...file, ...parseConfig(file.text, file.path.endsWith(".json")) };
}

function isAddressable(name: string): boolean {
  try {
    checkRelative(name, "config");
    return true;
  } catch {
    return false; // hidden, or unspeakable: no tool could be asked about it
  }
}

/** Sorted names of the configs that the tools can be asked about; those in sub-folders are not listed, as ever. */
export async function listConfigNames(paths: Paths): Promise<string[]> {
  const entries = await readdir(paths.config, { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw failedTo("read", error);
  });
  const names = new Set<string>();
  for (const entry of entries) {
    const extension = EXTENSIONS.find((each) => entry.name.endsWith(each));
    if (!extension || entry.isDirectory()) continue;
    const name = entry.name.slice(0, -extension.length);
    if (isAddressable(name)) names.add(name);
  }
  return [...names].sort();
}

export async function countConfigs(paths: Paths): Promise<number> {
  return (await listConfigNames(paths)).length;
}
