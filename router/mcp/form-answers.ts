// What a person typed into a form of ours, against the form. Forms are flat and know few words (MCP, "Requested Schema" of
// elicitation); a validator for all of JSON Schema, as the SDK brings one, is as large as a tenth of the Worker.
import type { jsonSchemaValidator } from "@modelcontextprotocol/server";
import * as v from "valibot";

const Choice = v.object({ const: v.string() });
const Limit = v.optional(v.number());

const Field = v.variant("type", [
  v.object({ type: v.literal("boolean") }),
  v.object({ type: v.picklist(["number", "integer"]), minimum: Limit, maximum: Limit }),
  v.object({
    type: v.literal("string"),
    minLength: Limit,
    maxLength: Limit,
    enum: v.optional(v.array(v.string())),
    oneOf: v.optional(v.array(Choice)),
  }),
  v.object({
    type: v.literal("array"),
    minItems: Limit,
    maxItems: Limit,
    items: v.object({ enum: v.optional(v.array(v.string())), anyOf: v.optional(v.array(Choice)) }),
  }),
]);
type Field = v.InferOutput<typeof Field>;

const Form = v.object({
  properties: v.record(v.string(), Field),
  required: v.optional(v.array(v.string()), []),
});

const isWithin = (value: number, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY) =>
  value >= min && value <= max;

function isOneOf(value: unknown, words: readonly string[] = [], choices: readonly { const: string }[] = []) {
  const known = [...words, ...choices.map((choice) => choice.const)];
  return known.length === 0 || known.some((word) => word === value);
}

function fits(field: Field, value: unknown): boolean {
  switch (field.type) {
    case "boolean":
      return typeof value === "boolean";
    case "number":
    case "integer":
      return (
        typeof value === "number" &&
        (field.type === "number" || Number.isInteger(value)) &&
        isWithin(value, field.minimum, field.maximum)
      );
    case "string":
      return (
        typeof value === "string" &&
        isWithin([...value].length, field.minLength, field.maxLength) &&
        isOneOf(value, field.enum, field.oneOf)
      );
    case "array":
      return (
        Array.isArray(value) &&
        isWithin(value.length, field.minItems, field.maxItems) &&
        value.every((item) => typeof item === "string" && isOneOf(item, field.items.enum, field.items.anyOf))
      );
  }
}

function problemOf(
  { properties, required }: v.InferOutput<typeof Form>,
  answer: unknown,
): string | undefined {
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) return "it is no object";
  const given = new Map(Object.entries(answer));
  const missing = required.find((name) => !given.has(name));
  if (missing !== undefined) return `${missing} is missing`;
  const wrong = Object.keys(properties).find((name) => {
    const field = properties[name];
    return field && given.has(name) && !fits(field, given.get(name));
  });
  return wrong && `${wrong} is not what was asked for`;
}

export const formAnswers: jsonSchemaValidator = {
  getValidator<T>(schema: unknown) {
    const form = v.parse(Form, schema); // ours: a mistake in it is a bug
    return (answer: unknown) => {
      const errorMessage = problemOf(form, answer);
      if (errorMessage !== undefined) return { valid: false, data: undefined, errorMessage };
      return { valid: true, data: answer as T, errorMessage }; // T is what the schema says
    };
  },
};
