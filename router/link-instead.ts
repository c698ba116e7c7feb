// What does not fit into a call or an answer goes by a link: the answer that says so has that link in it.
import { ToolError } from "../shared/errors.ts";
import { uploadDataset } from "../shared/tools/datasets.ts";
import { downloadModel } from "../shared/tools/models.ts";
import { createDownloadLink, createUploadLink } from "../shared/tools/transfers.ts";
import type { Backend, CallOptions, ToolAnswer } from "./backend.ts";
import { BodyTooLarge } from "./json-body.ts";

type Output = Extract<ToolAnswer, { kind: "json" }>["output"];
type Arguments = Readonly<Record<string, unknown>>;

/** @returns an answer of a link tool; undefined where there is no link to be had: the hint then names the tool */
async function linkFor(
  backend: Backend,
  tool: string,
  args: unknown,
  options: CallOptions,
): Promise<Output | undefined> {
  const { model_name, dataset_name, machine } = Object(args) as Arguments;
  const [linkTool, wish] =
    tool === downloadModel.name
      ? [createDownloadLink, { kind: "model", name: model_name }]
      : // As the tool does: files that are there stay.
        [createUploadLink, { name: dataset_name, on_conflict: "append" }];
  try {
    // The client's key stands for its own call.
    const answer = await backend.call(linkTool.name, { ...wish, machine }, { ...options, key: undefined });
    return answer.kind === "json" ? answer.output : undefined;
  } catch {
    return undefined; // a scope that is lacking, a machine that is off: what was to be answered is answered
  }
}

/** Calls of tools whose files may be too large. `backend` makes links that its client can use. */
export async function callWithLink(
  backend: Backend,
  call: Promise<ToolAnswer>,
  tool: string,
  args: unknown,
  options: CallOptions,
): Promise<ToolAnswer> {
  try {
    const answer = await call;
    if (answer.kind !== "json" || "data" in answer.output || tool === uploadDataset.name) return answer;
    const link = await linkFor(backend, tool, args, options);
    return link ? { kind: "json", output: { ...answer.output, link } } : answer;
  } catch (thrown) {
    const isLarge = thrown instanceof ToolError && thrown.code === "too_large";
    throw isLarge ? refusal(thrown, await linkFor(backend, tool, args, options)) : thrown;
  }
}

function refusal(error: ToolError, link: Output | undefined): ToolError {
  const { code, message, body } = error;
  const hint =
    link &&
    `This link does it, whatever the size: ${link["url"]} in a browser, or in a shell${link["curl_folder"] ? ", in the files' folder" : ""}: ${link["curl_folder"] ?? link["curl"]}`;
  return link ? new ToolError(code, message, { body, link, hint }) : error;
}

/** With any string that JSON.parse takes. */
const NAMED = /"dataset_name"\s*:\s*("(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")/;

/** For what reading a body throws. One that was too large has mostly named its data set before it came to the images. */
export function withLinkFor(backend: Backend, { signal }: Request): (thrown: unknown) => Promise<never> {
  return async (thrown) => {
    const name = thrown instanceof BodyTooLarge && NAMED.exec(thrown.start)?.[1];
    if (!name) throw thrown;
    // That it is a name, the machine says.
    const args = { dataset_name: JSON.parse(name) };
    throw refusal(thrown, await linkFor(backend, uploadDataset.name, args, { signal }));
  };
}
