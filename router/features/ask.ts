// Reading through the tools, so that what a caller may not call it cannot read either, whatever the link to the machine.
import * as v from "valibot";
import { ToolError } from "../../shared/errors.ts";
import type { Block } from "../../shared/fields.ts";
import type { Backend } from "../backend.ts";

export interface Asking {
  readonly backend: Backend;
  readonly signal: AbortSignal;
}

type Image = Extract<Block, { readonly type: "image" }>;

export interface Answer {
  readonly json: Readonly<Record<string, unknown>>;
  readonly images: readonly Image[];
}

/** Nobody picks from a longer list. */
const PAGES_MAX = 10;

const Json = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));

/** A list of a list tool, all its pages put together. @param key where in an answer it stands */
export async function askForAll(
  asking: Asking,
  tool: string,
  key: string,
  machine?: string,
): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  let cursor: unknown;
  for (let page = 0; page < PAGES_MAX; page++) {
    const { json } = await ask(asking, tool, typeof cursor === "string" ? { cursor } : {}, machine);
    const items = json[key];
    if (Array.isArray(items)) all.push(...items);
    cursor = json["next_cursor"];
    if (typeof cursor !== "string") break;
  }
  return all;
}

/**
 * @param machine the one of several that is asked
 * @throws ToolError as the tool does; agent_error when its answer is no JSON
 */
export async function ask(
  { backend, signal }: Asking,
  tool: string,
  args: Readonly<Record<string, unknown>> = {},
  machine?: string,
): Promise<Answer> {
  const answer = await backend.call(tool, { ...args, ...(machine !== undefined && { machine }) }, { signal });
  if (answer.kind === "json") return { json: answer.output, images: [] };
  const text = answer.content.find((block) => block.type === "text")?.text;
  const json = v.safeParse(Json, text);
  if (!json.success) throw new ToolError("agent_error", `${tool} answered with something that is no JSON`);
  return { json: json.output, images: answer.content.filter((block) => block.type === "image") };
}
