// How run.py finds and reads a config (ai-toolkit.md §1.2), traps included.
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { dumps, PythonError } from "./python.ts";

export type Block = Readonly<Record<string, unknown>>;

export interface JobConfig {
  /** extension, train, generate … */
  readonly job: string;
  readonly name: string;
  readonly processes: readonly Block[];
  readonly meta: Block;
  /** Everything, after replacement, in the order of the file: what config.yaml gets. */
  readonly whole: Block;
}

export interface ConfigPlace {
  /** The toolkit's folder: `config/` lies in it. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const EXTENSIONS = [".json", ".jsonc", ".yaml", ".yml"];

/** @throws PythonError with run.py's own words */
export async function readConfig(
  given: string,
  nameTag: string | undefined,
  place: ConfigPlace,
): Promise<JobConfig> {
  const path = findConfig(given, place.cwd);
  if (path === undefined) throw new PythonError("ValueError", `Could not find config file ${given}`);
  const text = replaceVariables(readFileSync(path, "utf8"), place.env);
  return checkShape(await parse(path, text, given), nameTag);
}

/** `foo.json` lying in `config/` is not found unless given with its folder: the exact name there only blocks the search. */
function findConfig(given: string, cwd: string): string | undefined {
  const inFolder = resolve(cwd, "config", given);
  if (!existsSync(inFolder)) {
    const found = EXTENSIONS.map((extension) => inFolder + extension).find(existsSync);
    if (found !== undefined) return found;
  }
  const path = resolve(cwd, given);
  return existsSync(path) ? path : undefined;
}

/** There is no way to escape `${`; prompts and captions suffer the same. */
function replaceVariables(text: string, env: ConfigPlace["env"]): string {
  return text.replace(/\$\{([^}]+)\}/g, (_, name: string) => {
    const value = env[name];
    if (value !== undefined) return value;
    throw new PythonError(
      "ValueError",
      `Environment variable ${name} not set. Please ensure it's defined before proceeding.`,
    );
  });
}

async function parse(path: string, text: string, given: string): Promise<unknown> {
  // .jsonc too is read as plain JSON: comments are not accepted.
  if (/\.jsonc?$/.test(path)) return parseJson(text);
  if (!/\.ya?ml$/.test(path)) {
    throw new PythonError("ValueError", `Config file ${given} must be a json or yaml file`);
  }
  const yaml = await import("yaml");
  try {
    // PyYAML speaks YAML 1.1 (`yes` is true), but for `y` and `n`, and lets a later key win.
    return yaml.parse(text, { version: "1.1", uniqueKeys: false, customTags: (tags) => tags.map(asPyYaml) });
  } catch (error) {
    throw new PythonError(
      "yaml.scanner.ScannerError",
      error instanceof Error ? error.message : String(error),
    );
  }
}

const BOOLEAN_TAG = "tag:yaml.org,2002:bool";

/** One of the tags of the 1.1 schema; true and false have one each. */
function asPyYaml<T>(tag: T): T {
  const isBoolean = typeof tag === "object" && tag !== null && "tag" in tag && tag.tag === BOOLEAN_TAG;
  if (!isBoolean || !("test" in tag) || !(tag.test instanceof RegExp)) return tag;
  return { ...tag, test: tag.test.test("yes") ? /^(?:yes|true|on)$/i : /^(?:no|false|off)$/i };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PythonError(
      "json.decoder.JSONDecodeError",
      error instanceof Error ? error.message : String(error),
    );
  }
}

export function isBlock(value: unknown): value is Block {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const invalid = (reason: string) => new PythonError("ValueError", `config file is invalid. ${reason}`);

function checkShape(parsed: unknown, nameTag: string | undefined): JobConfig {
  if (!isBlock(parsed)) {
    throw new PythonError("TypeError", "argument of type 'NoneType' is not iterable");
  }
  if (!("job" in parsed)) throw new PythonError("ValueError", "config file must have a job key");
  if (!isBlock(parsed.config)) {
    throw new PythonError("ValueError", "config file must have a config section");
  }
  const ownName = parsed.config.name;
  const tag = nameTag ?? ownName;
  if (typeof tag !== "string") {
    throw new PythonError("ValueError", "config file must have a config.name key");
  }
  // Text replacement in the JSON, like the original: a quote in NAME breaks the document.
  const replaced = parseJson(dumps(parsed).replaceAll("[name]", () => tag));
  const whole = isBlock(replaced) ? replaced : {};
  const config = isBlock(whole.config) ? whole.config : {};
  if (typeof config.name !== "string") throw invalid('Missing "config.name" key');
  const { process: processes } = config;
  if (!Array.isArray(processes)) throw invalid('Missing "config.process" key');
  if (processes.length === 0) throw invalid('"config.process" must be a list of processes');
  return {
    job: String(whole.job),
    name: config.name,
    processes: processes.map((process) => (isBlock(process) ? process : {})),
    meta: isBlock(whole.meta) ? whole.meta : {},
    whole,
  };
}
