// Judged by the validator for all of JSON Schema that the SDK has on Node.
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/server/validators/ajv";
import { expect, test } from "vitest";
import { formAnswers } from "./form-answers.ts";

const form = {
  type: "object" as const,
  properties: {
    confirm: { type: "boolean" },
    name: { type: "string", minLength: 2, maxLength: 4 },
    size: { type: "string", enum: ["small", "large"], enumNames: ["Small", "Large"] },
    model: { type: "string", oneOf: [{ const: "flux", title: "FLUX" }] },
    steps: { type: "integer", minimum: 1, maximum: 9 },
    rate: { type: "number", minimum: 0 },
    tags: { type: "array", minItems: 1, maxItems: 2, items: { type: "string", enum: ["a", "b"] } },
    kinds: { type: "array", items: { anyOf: [{ const: "x", title: "X" }] } },
  },
  required: ["confirm"],
};

const judge = new AjvJsonSchemaValidator().getValidator(form);

test.each([
  {},
  { confirm: true },
  { confirm: "true" },
  { confirm: false, name: "ab" },
  { confirm: true, name: "a" },
  { confirm: true, name: "abcde" },
  { confirm: true, name: "🙂🙂🙂🙂" },
  { confirm: true, name: 7 },
  { confirm: true, size: "small" },
  { confirm: true, size: "medium" },
  { confirm: true, model: "flux" },
  { confirm: true, model: "sdxl" },
  { confirm: true, steps: 9 },
  { confirm: true, steps: 0 },
  { confirm: true, steps: 1.5 },
  { confirm: true, rate: 1.5 },
  { confirm: true, rate: -1 },
  { confirm: true, rate: null },
  { confirm: true, tags: ["a", "b"] },
  { confirm: true, tags: [] },
  { confirm: true, tags: ["a", "b", "a"] },
  { confirm: true, tags: ["c"] },
  { confirm: true, tags: "a" },
  { confirm: true, kinds: ["x"] },
  { confirm: true, kinds: ["y"] },
  { confirm: true, more: 1 },
  [],
  null,
  "yes",
])("the answer %j is taken or refused as by a full validator", (answer) => {
  expect(formAnswers.getValidator(form)(answer).valid).toBe(judge(answer).valid);
});

test("what is wrong is told by its name", () => {
  const { errorMessage } = formAnswers.getValidator(form)({ confirm: true, steps: 0 });
  expect(errorMessage).toBe("steps is not what was asked for");
});
