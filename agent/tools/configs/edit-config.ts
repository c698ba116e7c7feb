// Single values of a config changed, all else left as its author wrote it.
import { type Document, isCollection, isNode } from "yaml";
import { invalid } from "../../../shared/errors.ts";
import type { ConfigFile } from "./config-file.ts";
import { userTextProblem } from "./user-text.ts";
import { formatDocument } from "./yaml.ts";

export interface Change {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

export interface Edited {
  readonly changed: Change[];
  readonly text: string;
}

type Path = readonly (string | number)[];

const TOP = new Set(["job", "config", "meta"]);
const FIRST_PROCESS: Path = ["config", "process", 0];
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/** `train.steps` → config.process[0].train.steps; `meta.version` as it is. `datasets[0]`, as our checks write it, is `datasets.0`. */
function pathOf(text: string): Path {
  const dotted = text.replace(/(?<=[^.[\]]|\])\[(\d+)\]/g, ".$1");
  const parts = dotted.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  const [first] = parts;
  const isPart = (part: string | number) =>
    part !== "" && !FORBIDDEN.has(String(part)) && !/[[\]]/.test(String(part));
  if (first === undefined || !parts.every(isPart)) {
    throw invalid(
      `'${text.slice(0, 100)}' is not a path`,
      "Write it like train.steps or datasets.0.resolution",
    );
  }
  if (first === "process") return ["config", ...parts];
  return TOP.has(String(first)) ? parts : [...FIRST_PROCESS, ...parts];
}

function json(document: Document, path: Path): unknown {
  const node: unknown = document.getIn(path, false);
  const plain =
    typeof node === "object" && node !== null && "toJSON" in node
      ? (node as { toJSON(): unknown }).toJSON()
      : node;
  return plain ?? null;
}

/** The library would make a missing block on the way an ordered map, a type that the trainer does not read. */
function setValue(document: Document, path: Path, value: unknown): void {
  let known = path.length - 1;
  while (known > 0 && !isCollection(document.getIn(path.slice(0, known), true))) known -= 1;
  const missing = path.slice(known + 1);
  const nested = missing.reduceRight((inner: unknown, key) => ({ [key]: inner }), value);
  const there = path.slice(0, known + 1);
  if (missing.length > 0 && document.hasIn(there) && document.getIn(there) !== null) {
    throw invalid(`'${path.join(".")}' leads through ${there.join(".")}, which is no block`);
  }
  const node = document.createNode(nested);
  const before = document.getIn(there, true);
  if (isNode(before)) {
    // What its author noted beside the old value.
    node.comment = before.comment;
    node.commentBefore = before.commentBefore;
    node.spaceBefore = before.spaceBefore;
  }
  document.setIn(there, node);
}

/** @throws ToolError invalid_input for text that would leak a secret or end the run */
function checkTexts(value: unknown, path: string): void {
  if (typeof value === "string") {
    const problem = userTextProblem(value);
    if (problem) throw invalid(`'${path}' ${problem}`);
  } else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) checkTexts(inner, path);
  }
}

/** @throws ToolError invalid_input for a path that leads nowhere, or when nothing is asked for */
export function editConfig(
  { document, path: file }: Pick<ConfigFile, "document" | "path">,
  set: Readonly<Record<string, unknown>>,
  remove: readonly string[],
): Edited {
  const edits = [...Object.entries(set), ...remove.map((path) => [path, undefined] as const)];
  if (edits.length === 0)
    throw invalid("Nothing to change", "Give values by path in 'set', or paths in 'remove'");
  const changed: Change[] = [];
  for (const [text, value] of edits) {
    const path = pathOf(text);
    const before = json(document, path);
    if (value === undefined) {
      if (!document.deleteIn(path)) throw invalid(`There is no '${text}' to remove`);
    } else {
      checkTexts(value, text);
      setValue(document, path, value);
    }
    changed.push({ path: path.join("."), before, after: value ?? null });
  }
  const isJson = file.endsWith(".json");
  return {
    changed,
    text: isJson ? `${JSON.stringify(document.toJS(), null, 2)}\n` : formatDocument(document),
  };
}
