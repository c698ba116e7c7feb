// One setting put into a client's file, everything else left as it is: comments, order, other servers. Pure.
import { isDeepStrictEqual } from "node:util";
import {
  applyEdits,
  type FormattingOptions,
  modify,
  type ParseError,
  parse,
  printParseErrorCode,
} from "jsonc-parser";
import { parse as parseToml, stringify as stringifyToml } from "smol-toml";
import { UsageError } from "../usage-error.ts";
import type { Setting } from "./clients.ts";

type Table = Record<string, unknown>;
const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** VS Code's files are JSON with comments; so are Cursor's and Claude's in practice. @throws UsageError */
function readJson(text: string, file: string): unknown {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error) {
    const line = text.slice(0, error.offset).split("\n").length;
    throw new UsageError(
      `${file} is no JSON (line ${line}: ${printParseErrorCode(error.error)}) and was left as it is; mend it first`,
    );
  }
  return value;
}

function indentOf(text: string): FormattingOptions {
  const [, indent] = /\n([\t ]+)\S/.exec(text) ?? [];
  return { insertSpaces: !indent?.startsWith("\t"), tabSize: indent?.length ?? 2, eol: "\n" };
}

function editJson(text: string, { path, value }: Setting, file: string): string {
  const whole = text.trim() === "" ? "{}\n" : text;
  let at: unknown = readJson(whole, file);
  for (const key of path.slice(0, -1)) {
    if (at !== undefined && !isTable(at)) throw notWhatItSeems(file, path);
    at = at?.[key];
  }
  if (at !== undefined && !isTable(at)) throw notWhatItSeems(file, path);
  const there = at?.[path.at(-1) ?? ""];
  const formattingOptions = indentOf(whole);
  // A list of things with ids, such as VS Code's inputs.
  if ("id" in value && (there === undefined || Array.isArray(there))) {
    const list: readonly unknown[] = there ?? [];
    const index = list.findIndex((each) => isTable(each) && each["id"] === value["id"]);
    const isNew = index < 0;
    const target = [...path, isNew ? list.length : index];
    const edits = modify(whole, target, value, { formattingOptions, isArrayInsertion: isNew });
    return applyEdits(whole, edits);
  }
  return applyEdits(whole, modify(whole, [...path], value, { formattingOptions }));
}

const notWhatItSeems = (file: string, path: readonly string[]) =>
  new UsageError(`${file} has something else at ${path.join(".")} than a table of servers; add it by hand`);

/** @throws UsageError */
function readToml(text: string, file: string): Table {
  try {
    return parseToml(text);
  } catch (error) {
    const [first] = (error as Error).message.split("\n");
    throw new UsageError(`${file} is no TOML (${first}) and was left as it is; mend it first`);
  }
}

/**
 * TOML's writers lose comments, so only our own table is written: in place of the old one, or at the end. What came out
 * is read again and compared.
 */
function editToml(text: string, { path, value }: Setting, file: string): string {
  const before = readToml(text, file);
  const nested = path.reduceRight<Table>((inner, key) => ({ [key]: inner }), { ...value });
  const table = stringifyToml(nested).trim();
  const header = `[${path.join(".")}]`;
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.trim() === header);
  // Up to the next table that is not part of it.
  const part = `${header.slice(0, -1)}.`;
  const length = lines
    .slice(start + 1)
    .findIndex((line) => /^\s*\[/.test(line) && !line.trim().startsWith(part));
  const end = start < 0 || length < 0 ? lines.length : start + 1 + length;
  const edited =
    start < 0
      ? `${text.trimEnd()}${text.trim() === "" ? "" : "\n\n"}${table}\n`
      : [...lines.slice(0, start), table, "", ...lines.slice(end)].join("\n");
  const expected = structuredClone(before);
  let at = expected;
  for (const key of path.slice(0, -1)) {
    const next = at[key] ?? {};
    if (!isTable(next)) throw notWhatItSeems(file, path);
    at[key] = next;
    at = next;
  }
  at[path.at(-1) ?? ""] = value;
  const isSame = isDeepStrictEqual(toPlain(expected), toPlain(readTomlOrNothing(edited)));
  if (isSame) return edited;
  throw new UsageError(
    `${file} is written in a way that cannot be added to safely; add this by hand:\n\n${table}`,
  );
}

const readTomlOrNothing = (text: string): unknown => {
  try {
    return parseToml(text);
  } catch {
    return undefined; // it says the same thing twice, in two ways of writing it
  }
};
const toPlain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

/** @throws UsageError when the file cannot be read, or holds something else there */
export function withSetting(text: string, setting: Setting, file: string): string {
  return setting.format === "toml" ? editToml(text, setting, file) : editJson(text, setting, file);
}

/** As it would look in a file of its own. */
export const settingsText = (settings: readonly Setting[]) =>
  settings.reduce((text, setting) => withSetting(text, setting, ""), "");
