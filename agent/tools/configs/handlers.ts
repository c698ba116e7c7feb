import { lstat, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Handlers } from "../../../shared/contract.ts";
import { invalid, ToolError } from "../../../shared/errors.ts";
import { presetFor } from "../../../shared/preset-choice.ts";
import { PRESETS, type Preset, presetNamed } from "../../../shared/presets.ts";
import { SERVER_VERSION } from "../../../shared/server-info.ts";
import type { configTools } from "../../../shared/tools/configs.ts";
import { writeFileAtomic } from "../../files/atomic.ts";
import {
  checkRelative,
  closing,
  type Folder,
  folderInside,
  hasCode,
  isInside,
  isMissing,
  splitPath,
} from "../../files/sandbox.ts";
import type { Trash } from "../../files/trash.ts";
import type { InUse } from "../../in-use.ts";
import type { Paths } from "../../paths.ts";
import type { Environment } from "../../trainer/environment.ts";
import { resolveDatasetPath } from "../datasets/dataset-path.ts";
import { pageOf } from "../page.ts";
import { isObject } from "./check.ts";
import { checkConfig } from "./checks.ts";
import { configNotFound, EXTENSIONS, failedTo, listConfigNames, readConfigFile } from "./config-file.ts";
import { newNameProblem } from "./config-name.ts";
import { needsControlToSample } from "./control-checks.ts";
import { controlSamples } from "./control-images.ts";
import { editConfig } from "./edit-config.ts";
import { plainArch } from "./known-values.ts";
import { didYouMean } from "./nearest.ts";
import { controlImageProblem } from "./place-checks.ts";
import { promptFlags } from "./prompt-flags.ts";
import { type TrainingInput, trainingConfig } from "./training-config.ts";
import { userTextProblem } from "./user-text.ts";
import { formatConfig, parseConfig } from "./yaml.ts";

export interface ConfigParts {
  readonly paths: Paths;
  readonly inUse: InUse;
  readonly trash: Trash;
  /** What the trainer will find around it; only asked for whether there is a Hugging Face token. */
  readonly environment?: Environment | undefined;
}

/** @throws ToolError invalid_input for a name or text that would break the run, or leak something */
async function checkInput(input: TrainingInput, paths: Paths): Promise<void> {
  const nameProblem = newNameProblem(checkRelative(input.name, "config"));
  if (nameProblem) throw invalid(`Invalid config name: ${nameProblem}`);
  const texts: [string, string | undefined][] = [
    ["model_name", input.model_name],
    ["dataset_path", input.dataset_path],
    ...(input.control_datasets ?? []).map((path, index): [string, string] => [
      `control_datasets[${index}]`,
      path,
    ]),
    ["trigger_word", input.trigger_word],
    ...(input.prompts ?? []).map((prompt, index): [string, string] => [`prompts[${index}]`, prompt]),
  ];
  for (const [what, text] of texts) {
    const problem = text === undefined ? undefined : userTextProblem(text);
    if (problem) throw invalid(`'${what}' ${problem}`);
  }
  if (input.preset !== undefined && !presetNamed(input.preset)) {
    const guess = didYouMean(input.preset, PRESETS.map(({ name }) => name)); // biome-ignore format: short
    throw invalid(`There is no preset '${input.preset}'${guess}`, "list_model_presets shows their names");
  }
  if (input.model_name?.trim() === "") throw invalid("'model_name' is empty; leave it out for the default");
  for (const [index, prompt] of (input.prompts ?? []).entries()) {
    const { errors, controlImages } = promptFlags(prompt);
    if (errors[0]) throw invalid(`'prompts[${index}]': ${errors[0]}`);
    for (const image of controlImages) {
      const place = await controlImageProblem(image, paths);
      if (place) throw invalid(`'prompts[${index}]': ${place}`);
    }
  }
}

/**
 * The folders of control images, absolute.
 * @throws ToolError invalid_input when the model needs them and there are none, has no use for them, or takes fewer
 */
async function controlsOf({ control_datasets: given = [] }: TrainingInput, preset: Preset, paths: Paths) {
  const { name, kind, controlFolders: most } = preset;
  if (kind === "edit" && given.length === 0) {
    throw invalid(
      `${name} learns to change pictures: pass control_datasets, ${most === 1 ? "a data set" : `one to ${most} data sets`} with the picture before the change, under the same file name, for each image of dataset_path`,
      "upload_dataset makes one; it must not lie inside the data set itself",
    );
  }
  if (given.length > most) {
    throw invalid(
      most === 0
        ? `${name} takes no control images: leave control_datasets out`
        : `${name} takes ${most === 1 ? "one data set" : `at most ${most} data sets`} of control images, not ${given.length}`,
      "list_model_presets with kind edit shows the models that do",
    );
  }
  return await Promise.all(given.map((path) => resolveDatasetPath(paths, path)));
}

/** The file of that name in the folder, or undefined. A link counts; what is deleted is the link. */
async function fileOf(folder: Folder, name: string): Promise<string | undefined> {
  for (const extension of EXTENSIONS) {
    const file = `${name}${extension}`;
    const stats = await lstat(folder.at(file)).catch((error: unknown) => {
      if (isMissing(error) || hasCode(error, "ENAMETOOLONG")) return undefined;
      throw error;
    });
    if (stats?.isFile() || stats?.isSymbolicLink()) return file;
  }
  return undefined;
}

function taken(name: string, file: string): ToolError {
  const own = file === `${name}${EXTENSIONS[0]}`;
  return new ToolError("conflict", `A configuration '${name}' exists already${own ? "" : ` as ${file}`}`, {
    hint: own
      ? "Pass overwrite: true to replace it, or choose another name"
      : "Delete it first with delete_config, or choose another name",
  });
}

/** Writes it under a name of its own. Returns whether another one was replaced. */
async function writeConfig(paths: Paths, name: string, text: string, overwrite: boolean): Promise<boolean> {
  const file = `${name}${EXTENSIONS[0]}`;
  try {
    return await closing(await folderInside(paths.config, "", "config", { create: true }), async (folder) => {
      const existing = await fileOf(folder, name);
      if (existing !== undefined && (!overwrite || existing !== file)) throw taken(name, existing);
      await writeFileAtomic(folder, file, text, { overwrite }).catch((error: unknown) => {
        throw hasCode(error, "EEXIST") ? taken(name, file) : error; // somebody else was faster
      });
      return existing !== undefined;
    });
  } catch (error) {
    throw failedTo("write", error);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

export const configHandlers = ({
  paths,
  inUse,
  trash,
  environment = process.env,
}: ConfigParts): Handlers<typeof configTools> => ({
  async create_training_config(input) {
    await checkInput(input, paths);
    const dataset = await resolveDatasetPath(paths, input.dataset_path);
    const choice = presetFor(input);
    const controls = await controlsOf(input, choice.preset, paths);
    const inside = controls.find((folder) => isInside(dataset, folder));
    if (inside !== undefined) {
      throw invalid(
        `The control images in ${inside} lie inside the data set and would be trained as well`,
        "Give them a data set of their own",
      );
    }
    // A model that begins with a picture is shown the first ones of its data set.
    const shown =
      controls.length === 0 && needsControlToSample(plainArch(choice.preset.arch)) ? [dataset] : controls;
    const { config, warnings } = trainingConfig(input, choice, {
      dataset,
      output: paths.output,
      controls,
      controlSamples: await controlSamples(dataset, shown),
    });
    const comment = `Written by mcp-ai-toolkit ${SERVER_VERSION} (create_training_config) from the preset ${choice.preset.name}.`;
    const replaced = await writeConfig(paths, input.name, formatConfig(config, comment), input.overwrite);
    const all = [...warnings];
    for (const folder of [dataset, ...controls])
      if (!(await isFolder(folder)))
        all.push(`The dataset folder ${folder} does not exist yet; upload_dataset makes it`);
    return {
      config: input.name,
      path: join(paths.config, `${input.name}${EXTENSIONS[0]}`),
      status: "success" as const,
      replaced,
      ...(all.length > 0 && { warnings: all }),
    };
  },

  async list_configs(wish) {
    const { items, more } = pageOf(await listConfigNames(paths), (name) => name, wish);
    return { configs: items, ...more };
  },

  async get_config({ name }) {
    const { value, text, path } = await readConfigFile(paths, name);
    if (!isObject(value))
      throw new ToolError("conflict", "Invalid YAML format: the file holds no block of keys");
    return { config: { ...value }, yaml: text, path };
  },

  async validate_config({ name }) {
    let file: Awaited<ReturnType<typeof readConfigFile>>;
    try {
      file = await readConfigFile(paths, name);
    } catch (error) {
      // A bad name is the caller's mistake; a file that is missing or unreadable is what was asked about.
      if (!(error instanceof ToolError) || error.code === "invalid_input") throw error;
      return { errors: [unreadable(error)], valid: false, warnings: [] };
    }
    const { errors, warnings } = await checkConfig(file, paths, environment);
    return { errors, valid: errors.length === 0, warnings };
  },

  async update_config({ name, set, remove }) {
    const file = await readConfigFile(paths, name);
    const before = await checkConfig(file, paths, environment);
    const { changed, text } = editConfig(file, set, remove);
    const edited = { ...file, ...parseConfig(text, file.path.endsWith(".json")), text };
    const after = await checkConfig(edited, paths, environment);
    // What was wrong before may be mended step by step; nothing new may be broken.
    const broken = after.errors.filter((error) => !before.errors.includes(error));
    if (broken.length > 0) throw invalid(`The change would break the configuration: ${broken.join("; ")}`);
    const { folder: parent, name: last } = splitPath(name);
    await closing(await folderInside(paths.config, parent, "config"), (folder) =>
      writeFileAtomic(folder, `${last}${extname(file.path)}`, text, { overwrite: true }),
    );
    const warnings = [...after.errors, ...after.warnings];
    return {
      config: name,
      path: file.path,
      status: "success" as const,
      changed,
      ...(warnings.length > 0 && { warnings }),
    };
  },

  async delete_config({ name }) {
    const { folder: parent, name: last } = splitPath(checkRelative(name, "config"));
    const gone = () => configNotFound({ success: false });
    try {
      return await closing(await folderInside(paths.config, parent, "config"), async (folder) => {
        const file = await fileOf(folder, last);
        if (file === undefined) throw gone();
        const job = inUse.jobOfConfig(name);
        if (job !== undefined) {
          throw new ToolError("conflict", `The configuration '${name}' is used by the training job ${job}`, {
            hint: "Stop the job with stop_training or wait until it has finished, then delete again",
          });
        }
        const id = await trash.put("config", name, folder, [file]);
        return { deleted: name, success: true as const, trash_id: id };
      });
    } catch (error) {
      throw isMissing(error) ? gone() : failedTo("delete", error); // missing: somebody else was faster
    }
  },
});

/** The old server's words for the two cases it knew. */
function unreadable({ code, message }: ToolError): string {
  if (code === "not_found") return "Configuration file not found";
  return message.replace(/^Invalid YAML format: /, "Invalid YAML: ");
}
