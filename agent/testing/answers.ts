// For tests: is an answer what its tool declares? Checked with JSON Schema, as clients do, not with the valibot schema that
// the declaration was made from.
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/client/validators/ajv";
import * as v from "valibot";
import { answersWithBlocks, mcpTool } from "../../shared/describe.ts";
import { type ErrorCode, isErrorCode } from "../../shared/errors.ts";
import { contractOf } from "../../shared/tools/index.ts";
import { getTrainingStatus, waitForTraining } from "../../shared/tools/training.ts";
import { PICTURE_BYTES_MAX } from "../pictures/small-jpeg.ts";

type Json = Readonly<Record<string, unknown>>;
type Validator = ReturnType<AjvJsonSchemaValidator["getValidator"]>;

const ajv = new AjvJsonSchemaValidator();
const validators = new Map<string, Validator>();

/** What a router adds to answers of machines that it knows several of, or that are away. */
const ROUTER_KEYS = { machine: {}, agent_online: {}, as_of: {} };

const propertiesOf = (schema: Json | undefined) => schema?.["properties"] as object | undefined;

function validatorOf(tool: string): Validator | undefined {
  const contract = contractOf(tool);
  if (!contract || answersWithBlocks(contract)) return undefined;
  let validator = validators.get(tool);
  if (!validator) {
    const { outputSchema } = mcpTool(contract);
    // It answers all that get_training_status does, and declares it there: twice would only cost tokens.
    const more = contract.name === waitForTraining.name ? mcpTool(getTrainingStatus).outputSchema : undefined;
    const properties = { ...ROUTER_KEYS, ...propertiesOf(more), ...propertiesOf(outputSchema) };
    // Stricter than what clients are told: a key that is not declared is a declaration forgotten.
    validator = ajv.getValidator({ ...outputSchema, properties, additionalProperties: false });
    validators.set(tool, validator);
  }
  return validator;
}

/** @throws Error naming what differs from the declared output */
export function checkOutput(tool: string, output: unknown): void {
  const checked = validatorOf(tool)?.(output);
  if (checked && !checked.valid)
    throw new Error(`${tool} answered what it does not declare: ${checked.errorMessage}`);
}

const Failure = v.looseObject({
  /** Absent in the one old body that has a shape of its own: the status of a job that is not there. */
  error: v.optional(v.string()),
  code: v.custom<ErrorCode>(isErrorCode, "is not in the list of errors"),
  hint: v.optional(v.string()),
});

/** @throws Error */
export function checkFailure(tool: string, body: unknown): void {
  const parsed = v.safeParse(Failure, body);
  if (!parsed.success) throw new Error(`${tool} failed without saying how: ${v.summarize(parsed.issues)}`);
}

const Result = v.looseObject({
  isError: v.optional(v.boolean()),
  structuredContent: v.optional(v.record(v.string(), v.unknown())),
  content: v.pipe(
    v.array(
      v.variant("type", [
        v.object({ type: v.literal("text"), text: v.string() }),
        v.object({
          type: v.literal("image"),
          data: v.string(),
          mimeType: v.picklist(["image/jpeg", "image/png"]),
        }),
      ]),
    ),
    v.minLength(1),
  ),
});

/** A result of tools/call, of either era. @throws Error */
export function checkResult(tool: string, raw: unknown): void {
  const { isError = false, structuredContent, content } = v.parse(Result, raw);
  const [first] = content;
  const text = first?.type === "text" ? first.text : undefined;
  if (text === undefined) throw new Error(`${tool} does not begin with text`);
  if (isError) {
    if (structuredContent) throw new Error(`${tool} failed with structured content`);
    checkFailure(tool, JSON.parse(text));
    return;
  }
  for (const block of content) {
    if (block.type === "image" && Buffer.byteLength(block.data, "base64") > PICTURE_BYTES_MAX)
      throw new Error(`${tool} shows a picture of more than ${PICTURE_BYTES_MAX} bytes`);
  }
  const contract = contractOf(tool);
  if (contract && answersWithBlocks(contract)) {
    // Clients would drop the pictures.
    if (structuredContent) throw new Error(`${tool} shows pictures beside structured content`);
    return;
  }
  if (structuredContent && text !== JSON.stringify(structuredContent))
    throw new Error(`${tool} says one thing as text and another as structured content`);
  checkOutput(tool, JSON.parse(text) as Json);
}
