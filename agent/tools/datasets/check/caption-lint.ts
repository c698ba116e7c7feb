// What is odd about captions, each by itself and all together.
import { createHash } from "node:crypto";
import type { Caption } from "../captions/caption-file.ts";
import type { Findings } from "./findings.ts";

/** What CLIP reads of a text, its two marks apart (77). */
const CLIP_TOKENS = 75;
/** Letters that make one token of CLIP's vocabulary in a long word, roughly. */
const LETTERS_PER_TOKEN = 7;
const SHOWN_CHARS = 60;

export interface LintOptions {
  readonly trigger?: string | undefined;
  /** Does the model read captions through CLIP only? undefined: nobody said which model. */
  readonly clipOnly?: boolean | undefined;
}

export class CaptionLint {
  readonly #findings: Findings;
  readonly #trigger: string | undefined;
  readonly #countsTokens: boolean;
  /** By a hash: texts may be long, and many. */
  readonly #byText = new Map<string, { count: number; readonly shown: string }>();

  constructor(findings: Findings, { trigger, clipOnly = true }: LintOptions) {
    this.#findings = findings;
    this.#trigger = trigger?.trim() || undefined;
    this.#countsTokens = clipOnly;
  }

  /** @param paths of the files that share this caption; one, if all is well */
  add(paths: readonly string[], caption: Caption): void {
    const [path = ""] = paths;
    if (caption.state === "missing") for (const each of paths) this.#findings.add("missing_caption", each);
    else if (paths.length > 1) this.#findings.add("shared_caption", paths.join(" and "), paths.length);
    if (caption.state === "unreadable") this.#findings.add("unreadable_caption", `${path}: ${caption.why}`);
    if (caption.state !== "text") return;
    if (caption.bom) this.#findings.add("caption_bom", path);
    const text = caption.text.trim();
    if (text === "") this.#findings.add("empty_caption", path);
    else this.#text(path, text);
  }

  #text(path: string, text: string): void {
    const hasTag = text.includes("[trigger]") || text.includes("[name]");
    if (this.#trigger === undefined) {
      if (hasTag) this.#findings.add("trigger_tag", path);
    } else if (!hasTag && !text.includes(this.#trigger)) this.#findings.add("trigger_absent", path);
    if (/--|\$\{/.test(text)) this.#findings.add("prompt_syntax", path);
    if (this.#countsTokens && tokensOf(text) > CLIP_TOKENS) this.#findings.add("long_caption", path);
    const hash = createHash("sha256").update(text).digest("base64");
    const same = this.#byText.get(hash);
    if (same) same.count++;
    else this.#byText.set(hash, { count: 1, shown: shortened(text) });
  }

  /** After the last caption. */
  end(): void {
    for (const { count, shown } of this.#byText.values()) {
      if (count > 1) this.#findings.add("duplicate_caption", `${count} × ${shown}`, count);
    }
  }
}

function shortened(text: string): string {
  // Through a buffer: a part of a string keeps all of it in memory.
  const part = Buffer.from(text.slice(0, SHOWN_CHARS).toWellFormed()).toString();
  return text.length > SHOWN_CHARS ? `${part}…` : part;
}

/** About as many tokens as CLIP makes of a text: one a short word, more of a long one, one a sign or digit. */
export function tokensOf(text: string): number {
  let tokens = 0;
  for (const [part] of text.matchAll(/\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu)) {
    tokens += /^\p{Script=Latin}/u.test(part)
      ? Math.ceil(part.length / LETTERS_PER_TOKEN)
      : /^\p{L}/u.test(part)
        ? part.length
        : 1;
  }
  return tokens;
}
