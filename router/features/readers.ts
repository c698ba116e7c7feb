// What is read under each kind of address.
import * as v from "valibot";
import { ToolError } from "../../shared/errors.ts";
import { getConfig } from "../../shared/tools/configs.ts";
import { viewDataset } from "../../shared/tools/dataset-view.ts";
import { getDatasetInfo } from "../../shared/tools/datasets.ts";
import { listExportedModels } from "../../shared/tools/models.ts";
import {
  getTrainingLogs,
  getTrainingMetrics,
  getTrainingSamples,
  getTrainingStatus,
} from "../../shared/tools/training.ts";
import type { Address, Kind } from "./address.ts";
import { type Answer, type Asking, ask, askForAll } from "./ask.ts";
import { samplesOf } from "./sample-name.ts";

export type Content =
  | { readonly mimeType: string; readonly text: string }
  | { readonly mimeType: string; readonly blob: string };

/** What a chat takes in one piece. Whoever wants all of it has the tools, which answer a page at a time. */
const TEXT_MAX = 100_000;
const LOG_LINES = 200;

const json = (value: unknown): Content => ({ mimeType: "application/json", text: JSON.stringify(value) });
const pictures = ({ json: facts, images }: Answer): Content[] => [
  ...images.map(({ mimeType, data }) => ({ mimeType, blob: data })),
  json(facts),
];

type Read = (asking: Asking, address: Address) => Promise<readonly Content[] | undefined>;

const Logs = v.object({ logs: v.array(v.string()) });
const Config = v.object({ yaml: v.string() });
const Models = v.array(v.looseObject({ name: v.string(), relative_path: v.optional(v.string()) }));

const job: Read = async (asking, { name, part, machine }) => {
  const read = (tool: string, args: object = {}) => ask(asking, tool, { job_id: name, ...args }, machine);
  if (part === "") return [json((await read(getTrainingStatus.name)).json)];
  if (part === "metrics") return pictures(await read(getTrainingMetrics.name));
  if (part === "log") {
    const { logs } = v.parse(Logs, (await read(getTrainingLogs.name, { lines: LOG_LINES })).json);
    return [{ mimeType: "text/plain", text: logs.join("\n").slice(-TEXT_MAX) }];
  }
  const wanted = part.startsWith("samples/") ? samplesOf(part.slice("samples/".length)) : undefined;
  return wanted && pictures(await read(getTrainingSamples.name, wanted));
};

const config: Read = async (asking, { name, part, machine }) => {
  if (part !== "") return undefined;
  const { yaml } = v.parse(Config, (await ask(asking, getConfig.name, { name }, machine)).json);
  if (yaml.length > TEXT_MAX) throw tooLarge(getConfig.name);
  return [{ mimeType: "application/yaml", text: yaml }];
};

const dataset: Read = async (asking, { name, part, machine }) => {
  if (part !== "") return pictures(await ask(asking, viewDataset.name, { name, file: part }, machine));
  const { json: info } = await ask(asking, getDatasetInfo.name, { name }, machine);
  const found = json(info);
  if ("text" in found && found.text.length > TEXT_MAX) throw tooLarge(getDatasetInfo.name);
  return [found];
};

const model: Read = async (asking, { name, part, machine }) => {
  if (part !== "") return undefined;
  const models = v.parse(Models, await askForAll(asking, listExportedModels.name, "models", machine));
  const found = models.filter((each) => each.name === name || each.relative_path === name);
  return found.length > 0 ? found.map(json) : undefined;
};

const READERS: Readonly<Record<Kind, Read>> = { job, config, dataset, model };

/** undefined: there is nothing under this address. @throws ToolError */
export async function read(asking: Asking, address: Address): Promise<readonly Content[] | undefined> {
  try {
    return await READERS[address.kind](asking, address);
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === "not_found") return undefined;
    throw thrown;
  }
}

const tooLarge = (tool: string) =>
  new ToolError("too_large", `This is longer than ${TEXT_MAX / 1000} kB`, { hint: `Use the tool ${tool}` });
