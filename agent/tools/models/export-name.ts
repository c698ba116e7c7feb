// The name of an exported copy from a template such as {name}_{step}.
import { basename, extname } from "node:path";
import { invalid } from "../../../shared/errors.ts";
import { checkRelative } from "../../files/sandbox.ts";
import type { ModelFacts } from "./model-facts.ts";
import type { OpenedModel } from "./model-files.ts";

export const NAME_FIELDS = ["name", "step", "date", "base", "trigger"] as const;
type NameField = (typeof NAME_FIELDS)[number];

const isField = (text: string): text is NameField => (NAME_FIELDS as readonly string[]).includes(text);

/** ai-toolkit's own suffix of a checkpoint; {step} says it better. */
const STEP_SUFFIX = /_\d{9}(?=(?:_high_noise|_low_noise)?$)/;

/** A value as part of one file name: base models are called `black-forest-labs/FLUX.1-dev`, trigger words anything. */
const asNamePart = (text: string) =>
  text
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, "_")
    .replace(/^[._]+/, "")
    .slice(0, 80);

/**
 * {date} is the day on which the model was written, in UTC.
 * @throws ToolError invalid_input for an unknown field, a value that nobody knows, or a name that leads elsewhere
 */
export function nameFrom(
  template: string,
  { relative, stats }: Pick<OpenedModel, "relative" | "stats">,
  facts: Pick<ModelFacts, "step" | "baseModel" | "triggerWord">,
): string {
  const values: Record<NameField, string | null> = {
    name: basename(relative, extname(relative)).replace(STEP_SUFFIX, ""),
    step: facts.step === null ? null : String(facts.step),
    date: stats.mtime.toISOString().slice(0, 10),
    base: facts.baseModel,
    trigger: facts.triggerWord,
  };
  const filled = template.replaceAll(/\{([^{}]*)\}/g, (_whole, field: string) => {
    if (!isField(field)) {
      throw invalid(
        `name_template: there is no {${field}}; there is ${NAME_FIELDS.map((each) => `{${each}}`).join(", ")}`,
      );
    }
    const value = asNamePart(values[field] ?? "");
    if (value !== "") return value;
    throw invalid(`name_template: the {${field}} of this model is not known; leave it out`);
  });
  if (/[{}]/.test(filled)) throw invalid("name_template: a brace is not closed, e.g. {name}_{step}");
  return checkRelative(filled, "output");
}
