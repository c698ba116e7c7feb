// The shape of a config. The texts are the old server's, word for word; it looked at the first process only.
import {
  asObject,
  asText,
  type Check,
  error,
  type Finding,
  isObject,
  processesOf,
  warning,
} from "./check.ts";
import { trainingNameProblem } from "./config-name.ts";
import { OTHER_JOBS, OTHER_PROCESSES, TRAINERS } from "./known-values.ts";
import { didYouMean } from "./nearest.ts";

const JOBS = ["extension", ...OTHER_JOBS];

const WRITE_ANEW = "create_training_config writes a whole one";
const NAME_MODEL = "Add model: {name_or_path: …, arch: …}; list_model_presets shows the base models";

function topLevel({ config }: { readonly config: unknown }): Finding[] {
  const top = asObject(config);
  const findings: Finding[] = [];
  if (top.job === undefined) findings.push(error("Missing required key: 'job'", "Add job: extension"));
  else if (typeof top.job !== "string" || !JOBS.includes(top.job)) {
    findings.push(
      error(`Unknown job type ${JSON.stringify(top.job)}; training is 'extension'`, "Write job: extension"),
    );
  }
  if (top.config === undefined) return [...findings, error("Missing required key: 'config'", WRITE_ANEW)];
  const inner = asObject(top.config);
  if (inner.name === undefined)
    findings.push(
      error("Missing required key: 'config.name'", "Add a name: the run's folder and files are called by it"),
    );
  const list = inner.process;
  if (list === undefined) findings.push(error("Missing required key: 'config.process'", WRITE_ANEW));
  else if (!Array.isArray(list))
    findings.push(error("'config.process' is not an array", "Write it as a list: process: [{…}]"));
  else if (list.length === 0) findings.push(error("'config.process' array is empty", WRITE_ANEW));
  return findings;
}

function processTypes({ config }: { readonly config: unknown }): Finding[] {
  return processesOf(config).flatMap((entry, index) => {
    if (!isObject(entry)) return [error(`config.process[${index}] is not a block of keys`, WRITE_ANEW)];
    const type = entry.type;
    if (typeof type !== "string")
      return [
        error(
          `config.process[${index}] has no 'type'; a LoRA is trained by 'diffusion_trainer'`,
          "Add type: diffusion_trainer",
        ),
      ];
    if (asObject(config).job !== "extension" || TRAINERS.has(type) || OTHER_PROCESSES.has(type)) return [];
    const guess = didYouMean(type, [...TRAINERS, ...OTHER_PROCESSES]);
    return [
      warning(
        `config.process[${index}] has the unknown type '${type}'${guess}`,
        "Write type: diffusion_trainer",
      ),
    ];
  });
}

export const STRUCTURE_CHECKS: readonly Check[] = [
  { name: "top level", run: topLevel },
  {
    name: "name",
    run: ({ config }) => {
      const name = asObject(asObject(config).config).name;
      if (name === undefined) return [];
      if (typeof name !== "string")
        return [error("'config.name' is not a text; put it in quotes", "Put the name in quotes")];
      const problem = trainingNameProblem(name);
      return problem ? [error(`'config.name' cannot be used: ${problem}`, "Give it another name")] : [];
    },
  },
  { name: "process types", run: processTypes },
  {
    name: "datasets",
    run: ({ trainers, datasets }) => [
      ...trainers
        .filter(({ block }) => block.datasets === undefined)
        .map(({ at }) =>
          error(`${at}Missing 'datasets' in process config`, "Add datasets: [{folder_path: …}]"),
        ),
      ...datasets
        .filter(({ folderText }) => folderText === undefined)
        .map(({ label }) =>
          error(`${label} missing 'folder_path'`, "Add folder_path; list_datasets shows the folders"),
        ),
    ],
  },
  {
    name: "model",
    run: ({ trainers }) =>
      trainers.flatMap(({ at, block }) => {
        if (block.model === undefined) return [error(`${at}Missing 'model' in process config`, NAME_MODEL)];
        return asText(asObject(block.model).name_or_path)
          ? []
          : [error(`${at}Missing 'model.name_or_path'`, NAME_MODEL)];
      }),
  },
  {
    name: "training folder",
    run: ({ trainers, paths }) =>
      trainers.flatMap(({ at, block }) => {
        const folder = asText(block.training_folder);
        if (!folder)
          return [
            error(
              `${at}Missing 'training_folder': the trainer would not know where to save`,
              `Add training_folder: ${paths.output}`,
            ),
          ];
        if (folder.startsWith("/")) return [];
        return [
          warning(
            `${at}training_folder '${folder}' is relative and means a folder below ${paths.root}; an absolute path is safer, e.g. ${paths.output}`,
            `Write training_folder: ${paths.output}`,
          ),
        ];
      }),
  },
];
