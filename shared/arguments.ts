// The first door: what a client sent as arguments → the typed input of a tool, or a sentence that tells what to mend.
import * as v from "valibot";
import type { Contract, InputSchema } from "./contract.ts";
import { invalid, type ToolError } from "./errors.ts";

export interface Arguments<Input = Record<string, unknown>> {
  readonly input: Input;
  /** What was sent and not used. */
  readonly warnings: readonly string[];
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLenient(schema: v.GenericSchema): boolean {
  const wrapped = "wrapped" in schema ? (schema.wrapped as v.GenericSchema) : schema; // v.optional() wraps
  return v.getMetadata(wrapped as Parameters<typeof v.getMetadata>[0])["lenient"] === true;
}

function isOptional(schema: { readonly type: string }): boolean {
  return schema.type === "optional";
}

/**
 * Did the caller send another JSON type, rather than a value out of range? The old server read numbers as unsigned,
 * so a negative one counted as the wrong type, too.
 */
function isWrongType(issue: v.BaseIssue<unknown>): boolean {
  if (typeof issue.input === "number" && issue.input < 0) return true;
  return (issue.kind === "schema" && issue.type !== "picklist") || issue.type === "integer";
}

const SHOWN_MAX = 60;

/** A value as it may appear in a message: short, one line. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

function explain(name: string, issue: v.BaseIssue<unknown>): ToolError {
  if (issue.input === undefined || issue.kind === "schema") {
    if (issue.type === "picklist")
      return invalid(`'${name}' must be one of ${issue.expected}, not ${show(issue.input)}`);
    if (issue.type === "union" && issue.input !== undefined)
      return invalid(`'${name}' must be ${issue.expected}, not ${show(issue.input)}`);
    // The old server used one sentence for a missing parameter and for one of the wrong type.
    return invalid(
      `Missing '${name}' parameter`,
      issue.input === undefined
        ? undefined
        : `'${v.getDotPath(issue)}' must be ${issue.expected}, not ${show(issue.input)}`,
    );
  }
  return invalid(`'${v.getDotPath(issue)}': ${issue.message} (got ${show(issue.input)})`);
}

/** Finds an own key named like something every object inherits; JSON.parse makes such keys, nobody sends them in good faith. */
function hasForbiddenKey(value: Record<string, unknown>): boolean {
  return Object.hasOwn(value, "__proto__");
}

/**
 * Checks `raw` against the contract's input and fills in defaults.
 * Unknown arguments, and optional ones of the old tools with a wrong JSON type, are left out and named in `warnings`.
 * @throws ToolError invalid_input
 */
export function parseArguments<C extends Contract>(
  contract: C,
  raw: unknown,
): Arguments<v.InferOutput<C["input"]>> {
  const sent = isPlainObject(raw) ? raw : {};
  if (hasForbiddenKey(sent)) throw invalid("'__proto__' is not an argument");
  const entries = contract.input.entries as InputSchema["entries"];
  const warnings: string[] = [];
  const known: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(sent)) {
    const schema = Object.hasOwn(entries, name) ? entries[name] : undefined;
    if (schema === undefined) {
      warnings.push(`'${name.slice(0, SHOWN_MAX)}' is not an argument of ${contract.name} and was ignored`);
    } else if (value === null && isOptional(schema)) {
      // Many clients send null for an argument they leave out.
    } else {
      known[name] = value;
    }
  }
  const parsed = v.safeParse(contract.input, known);
  if (parsed.success) return { input: parsed.output, warnings };

  // As the old server did: of a list the elements of the wrong type go, of anything else all.
  const dropped = new Set<string>();
  const elements = new Map<string, Set<number>>();
  for (const issue of parsed.issues) {
    const [first, second] = issue.path ?? [];
    const name = String(first?.key ?? "");
    const schema = entries[name];
    if (!schema || !isOptional(schema) || !isLenient(schema as v.GenericSchema) || !isWrongType(issue)) {
      throw explain(name, issue);
    }
    if (Array.isArray(known[name]) && typeof second?.key === "number") {
      elements.set(name, (elements.get(name) ?? new Set()).add(second.key));
    } else {
      dropped.add(name);
    }
  }
  for (const [name, indices] of elements) {
    const list = known[name] as unknown[]; // found to be one above
    const kept = list.filter((_, index) => !indices.has(index));
    if (kept.length === 0) dropped.add(name);
    else {
      warnings.push(
        `${indices.size} of ${list.length} elements of '${name}' have the wrong type and were ignored`,
      );
      known[name] = kept;
    }
  }
  for (const name of dropped) {
    warnings.push(
      `'${name}' has the wrong type (${show(known[name])}) and was ignored; its default was used`,
    );
    delete known[name];
  }
  return { input: v.parse(contract.input, known), warnings };
}
