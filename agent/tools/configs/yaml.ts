// Config files as ai-toolkit reads them: YAML 1.1 in PyYAML's dialect, or JSON. And the other way round.
import {
  type CollectionTag,
  Document,
  isScalar,
  type ParsedNode,
  parseDocument,
  type ScalarTag,
  type Tags,
  visit,
} from "yaml";
import { ToolError } from "../../../shared/errors.ts";

export interface Parsed {
  /** With comments, for edits that keep them. */
  readonly document: Document;
  /** Plain JSON. What JSON has no word for is `null` (`.nan`, `.inf`) or a string (dates). */
  readonly value: unknown;
}

/** Deeper than any config, and far from the end of the stack: the parser calls itself for each level. */
const MAX_DEPTH = 200;
const DEEP_LIST = new RegExp(`(?:- ){${MAX_DEPTH}}`);

/** How often aliases may repeat what they stand for, in nodes. A bomb makes billions of a few lines. */
const MAX_ALIAS_COUNT = 1000;

function isDeep(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === "[" || character === "{") depth += 1;
    else if (depth > 0 && (character === "]" || character === "}")) depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return DEEP_LIST.test(text);
}

/** YAML 1.1 takes a lone y or n for a truth value, PyYAML does not: a key `n` stays the letter n. */
const PYYAML_TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const PYYAML_FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;

function likePyYaml(tag: ScalarTag | CollectionTag): ScalarTag | CollectionTag {
  if (tag.tag !== "tag:yaml.org,2002:bool" || !("test" in tag) || !tag.test) return tag;
  return { ...tag, test: tag.test.test("true") ? PYYAML_TRUE : PYYAML_FALSE };
}

const PYYAML = {
  version: "1.1",
  customTags: (tags: Tags): Tags => tags.map((tag) => (typeof tag === "string" ? tag : likePyYaml(tag))),
} as const;

/** The parser's own check compares every key with every other, which takes a minute for a hostile file. */
function duplicateKey(document: Document): string | undefined {
  let found: string | undefined;
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) {
          found = String(name);
          return visit.BREAK;
        }
        seen.add(name);
      }
      return undefined;
    },
  });
  return found;
}

/** The old server's words. The caller named a file that is there but broken: nothing for a retry, nothing of ours. */
function invalidYaml(why: string, cause?: unknown): ToolError {
  return new ToolError("conflict", `Invalid YAML format: ${why}`, {
    hint: "Mend the file by hand, or write it anew with create_training_config and overwrite: true",
    cause,
  });
}

const tooDeep = () => invalidYaml(`it is nested more than ${MAX_DEPTH} levels deep`);

const toJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

/**
 * @param isJson the trainer reads such a file with a JSON parser, not with YAML's
 * @throws ToolError conflict, "Invalid YAML format: …", for anything the trainer could not read or that would choke us
 */
export function parseConfig(text: string, isJson: boolean): Parsed {
  if (isDeep(text)) throw tooDeep();
  try {
    if (isJson) {
      const value: unknown = JSON.parse(text);
      return { document: new Document(value), value };
    }
    const document: Document<ParsedNode> = parseDocument(text, { ...PYYAML, uniqueKeys: false });
    const [error] = document.errors;
    if (error?.code === "RESOURCE_EXHAUSTION") throw tooDeep();
    if (error) throw invalidYaml(error.message.split("\n", 1)[0]?.replace(/:$/, "") ?? "", error);
    const twice = duplicateKey(document);
    if (twice !== undefined) throw invalidYaml(`the key "${twice}" stands twice in one block`);
    return { document, value: toJson(document.toJS({ maxAliasCount: MAX_ALIAS_COUNT })) };
  } catch (error) {
    if (error instanceof ToolError) throw error;
    throw invalidYaml(error instanceof Error ? error.message : String(error), error);
  }
}

/** What a document looks like after an edit: old text as it was, new text in quotes. */
export function formatDocument(document: Document): string {
  return document.toString({ lineWidth: 0, defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" });
}

/** Every text in quotes, so that no reader takes "on", "1e-4" or "=" in a prompt for something else than text. */
export function formatConfig(config: unknown, comment: string): string {
  const document = new Document(config, { aliasDuplicateObjects: false });
  document.commentBefore = ` ${comment.replaceAll("\n", "\n ")}`;
  return formatDocument(document);
}
