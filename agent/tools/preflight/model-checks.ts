// Is the base model where the config says?
import { access } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { asObject, asText, type Process } from "../configs/check.ts";
import { repositoryOf } from "../configs/hf-cache.ts";
import type { Facts } from "./facts.ts";
import {
  error,
  isRehearsal,
  type MachineCheck,
  type MachineFinding,
  trainerOf,
  warning,
} from "./machine-check.ts";

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function baseModel(facts: Facts, { at, block }: Process): Promise<MachineFinding[]> {
  const path = asText(asObject(block.model).name_or_path);
  if (path === undefined || path === "" || /^https?:\/\//.test(path) || isRehearsal(facts)) return [];
  // The trainer runs in its own folder.
  if (await exists(resolve(trainerOf(facts)?.cwd ?? facts.paths.root, path))) return [];
  if (isAbsolute(path) || path.startsWith(".") || path.startsWith("~") || !repositoryOf(path)) {
    return [
      error(
        `${at}There is no base model at ${path}`,
        "Write model.name_or_path: a folder or file on this machine, or owner/name on Hugging Face",
      ),
    ];
  }
  if (await facts.context.isDownloaded(path)) return [];
  return [
    warning(
      `${at}The base model '${path}' is not on this machine yet: the run downloads it first, many gigabytes with most models`,
      "Nothing to do but wait; see that the disk of the Hugging Face cache (HF_HOME) has room",
    ),
  ];
}

export const MODEL_CHECKS: readonly MachineCheck[] = [
  {
    name: "base model",
    run: async (facts) =>
      (await Promise.all(facts.context.trainers.map((process) => baseModel(facts, process)))).flat(),
    ok: (facts) => (isRehearsal(facts) ? "The rehearsal needs none" : "On this machine"),
  },
];
