// Values for what a person is typing: names of what there is.
import * as v from "valibot";
import { presetList } from "../../shared/preset-list.ts";
import { getCaptions } from "../../shared/tools/captions.ts";
import { getTrainingSamples } from "../../shared/tools/training.ts";
import type { Backend } from "../backend.ts";
import type { Features, Typing } from "../mcp/features.ts";
import { isKind, type Kind } from "./address.ts";
import { type Asking, ask } from "./ask.ts";
import { sampleNames } from "./sample-name.ts";
import { listThings } from "./things.ts";

type Values = (asking: Asking, typing: Typing) => Promise<readonly string[]> | readonly string[];

const names =
  (kind: Kind): Values =>
  async (asking, { known }) => {
    const things = await listThings(asking, kind);
    const there = things.filter(({ machine }) => (known["machine"] ?? machine) === machine);
    return [...new Set(there.map(({ name }) => name))];
  };

const Samples = v.object({
  all_steps: v.array(v.number()),
  columns: v.array(v.object({ prompt: v.number() })),
});

const samples: Values = async (asking, { known: { id } }) => {
  if (id === undefined) return [];
  const { json } = await ask(asking, getTrainingSamples.name, { job_id: id });
  const { all_steps, columns } = v.parse(Samples, json);
  return sampleNames(
    all_steps,
    columns.map(({ prompt }) => prompt),
  );
};

const Files = v.object({ captions: v.array(v.object({ image: v.string() })) });

/** Of a large data set only the first; whoever knows the name types it. */
const files: Values = async (asking, { known: { name, machine } }) => {
  if (name === undefined) return [];
  const { json } = await ask(asking, getCaptions.name, { name, limit: 200 }, machine);
  return v.parse(Files, json).captions.map(({ image }) => image);
};

const machines: Values = ({ backend }) => backend.machines?.() ?? [];

/** Arguments of our prompts. */
const ARGUMENTS: Readonly<Record<string, Values>> = {
  dataset: names("dataset"),
  config: names("config"),
  model: names("model"),
  job_id: names("job"),
  preset: () => presetList().presets.map(({ name }) => name),
  machine: machines,
};

function valuesOf({ of, argument }: Typing): Values | undefined {
  if ("prompt" in of) return ARGUMENTS[argument];
  if (argument === "machine") return machines;
  if (argument === "id") return names("job");
  if (of.template.includes("/samples/")) return samples;
  if (argument === "file") return files;
  const [scheme] = of.template.split(":");
  return argument === "name" && isKind(scheme) ? names(scheme) : undefined;
}

/** Those that begin with what was typed come first, then those that have it somewhere; in any case. */
function fitting(values: readonly string[], typed: string): string[] {
  const wanted = typed.toLowerCase();
  const found = values.filter((value) => value.toLowerCase().includes(wanted));
  const begins = (value: string) => value.toLowerCase().startsWith(wanted);
  return [...found.filter(begins), ...found.filter((value) => !begins(value))];
}

export function trainingCompletions(backend: Backend): NonNullable<Features["complete"]> {
  return async (typing, { mcpReq: { signal } }) => {
    const values = (await valuesOf(typing)?.({ backend, signal }, typing)) ?? [];
    return fitting(values, typing.value);
  };
}
