// Before something is deleted or replaced, a person is asked, where the client can ask one. Where it cannot, the call goes
// on as it always did: what is deleted goes to the trash.
import {
  acceptedContent,
  inputRequired,
  inputResponse,
  type ServerOptions,
} from "@modelcontextprotocol/server";
import * as v from "valibot";
import { ToolError } from "../../shared/errors.ts";
import { createTrainingConfig, deleteConfig, getConfig } from "../../shared/tools/configs.ts";
import { deleteDataset, getDatasetInfo, uploadDataset } from "../../shared/tools/datasets.ts";
import { deleteModel, exportModel } from "../../shared/tools/models.ts";
import type { AroundCall, ToolCall, Visitor } from "../mcp/features.ts";
import { mcpError, sorted } from "../render.ts";
import { type Asking, ask } from "./ask.ts";
import type { Memory } from "./memory.ts";
import { seal, unseal } from "./sealed.ts";

/** How long a person may think. The SDK waits as long in the old era. */
const ANSWER_MS = 600_000;
const SHOWN_MAX = 200;

/** What is asked; undefined where there is nothing to ask about. @throws ToolError if the thing is not there */
type Question = (asking: Asking, args: ToolCall["args"]) => Promise<string | undefined>;

const quoted = (value: unknown) => JSON.stringify(String(value).slice(0, SHOWN_MAX).toWellFormed());
const machineOf = ({ machine }: ToolCall["args"]) => (typeof machine === "string" ? machine : undefined);
const KEPT = "It goes to the trash and can be restored for 30 days.";
const LOST = "What is there now is lost.";

const Counts = v.object({ image_count: v.number() });

const QUESTIONS: Readonly<Record<string, Question>> = {
  [deleteConfig.name]: async (asking, args) => {
    await ask(asking, getConfig.name, { name: args["name"] }, machineOf(args));
    return `Delete the configuration ${quoted(args["name"])}? ${KEPT}`;
  },
  [deleteDataset.name]: async (asking, args) => {
    const { json } = await ask(asking, getDatasetInfo.name, { name: args["name"] }, machineOf(args));
    const { image_count } = v.parse(Counts, json);
    return `Delete the data set ${quoted(args["name"])} (${image_count} images)? ${KEPT}`;
  },
  [deleteModel.name]: async (_asking, args) => `Delete the model ${quoted(args["name"])}? ${KEPT}`,
  [createTrainingConfig.name]: async (asking, args) => {
    if (args["overwrite"] !== true) return undefined;
    await ask(asking, getConfig.name, { name: args["name"] }, machineOf(args));
    return `Replace the configuration ${quoted(args["name"])}? ${LOST}`;
  },
  [uploadDataset.name]: async (asking, args) => {
    if (args["overwrite"] !== true) return undefined;
    await ask(asking, getDatasetInfo.name, { name: args["dataset_name"] }, machineOf(args));
    return `Replace files of the same name in the data set ${quoted(args["dataset_name"])}? ${LOST}`;
  },
  [exportModel.name]: async (_asking, args) =>
    args["overwrite"] === true
      ? `Export the model ${quoted(args["model_name"])} over a file of the same name, if there is one? ${LOST}`
      : undefined,
};

/** The tools before whose calls a person may be asked. */
export const ASKED_ABOUT: ReadonlySet<string> = new Set(Object.keys(QUESTIONS));

/** Sealed for the caller, it is about this very call, until then. */
const Asked = v.tuple([v.string(), v.number()]);
type Asked = v.InferOutput<typeof Asked>;

export interface Confirming {
  readonly around: AroundCall;
  readonly requestState: NonNullable<ServerOptions["requestState"]>;
}

export function confirming({ backend, id }: Visitor, memory: () => Memory): Confirming {
  const sealed = () => ({ key: memory().key, purpose: "confirm", caller: id });
  return {
    requestState: {
      /** What it throws the client hears as: invalid or expired. */
      async verify(state) {
        const asked = await unseal(sealed(), Asked, state);
        if (!asked || asked[1] < Date.now()) throw new Error("not ours, or too old");
        return asked;
      },
    },

    async around(call, context, go) {
      const { mcpReq } = context;
      const question = QUESTIONS[call.name];
      if (!question || !canAsk(call)) return go();
      // Who may not call it anyway need not be asked.
      if (!(await backend.tools()).some(({ name }) => name === call.name)) return go();
      const text = await textOf(question, { backend, signal: mcpReq.signal }, call.args);
      if (text === undefined) return go();
      const hash = await hashOf(call);
      const answer = inputResponse(mcpReq.inputResponses, "confirm");
      if (answer.kind === "missing" || mcpReq.requestState<Asked>()?.[0] !== hash) {
        return inputRequired({
          inputRequests: { confirm: form(text) },
          requestState: await seal(sealed(), [hash, Date.now() + ANSWER_MS]),
        });
      }
      if (acceptedContent(mcpReq.inputResponses, "confirm")?.["confirm"] === true) return go();
      return mcpError(
        new ToolError("cancelled", "The user did not agree; nothing was changed", {
          hint: "Do not call it again unless the user asks for it",
        }),
      );
    },
  };
}

function canAsk({ client: { elicitation } }: ToolCall): boolean {
  if (!elicitation) return false;
  // A client that names no mode means forms.
  return elicitation.form !== undefined || elicitation.url === undefined;
}

/** What is not there, or cannot be looked at, is for the tool itself to say. */
async function textOf(
  question: Question,
  asking: Asking,
  args: ToolCall["args"],
): Promise<string | undefined> {
  try {
    return await question(asking, args);
  } catch (thrown) {
    if (thrown instanceof ToolError) return undefined;
    throw thrown;
  }
}

const form = (message: string) =>
  inputRequired.elicit({
    message,
    requestedSchema: {
      type: "object",
      properties: { confirm: { type: "boolean", title: "Yes, do it" } },
      required: ["confirm"],
    },
  });

async function hashOf({ name, args }: ToolCall): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify([name, sorted(args)]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
