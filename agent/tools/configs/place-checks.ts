// Where a config lets the trainer read and write. It opens every path as given, so this is the wall.
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isInside, isMissing } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";
import { asList, asObject, asText, type Check, error, type Finding, type JsonObject } from "./check.ts";
import { trainingNameProblem } from "./config-name.ts";
import { foldersOf } from "./dataset-folders.ts";
import { promptFlags } from "./prompt-flags.ts";

/** The real path of something that need not exist yet; undefined for a link that leads nowhere, and anywhere tomorrow. */
async function realPlace(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (problem) {
    if (!isMissing(problem)) throw problem;
  }
  const isLink = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isLink || dirname(path) === path) return undefined;
  const parent = await realPlace(dirname(path));
  return parent && join(parent, basename(path));
}

async function isInsideAny(path: string, roots: readonly string[]): Promise<boolean> {
  const real = await realPlace(path);
  if (real === undefined) return false;
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  return realRoots.some((root) => isInside(root, real));
}

async function outsideDatasets(label: string, block: JsonObject, paths: Paths): Promise<Finding[]> {
  const roots = [paths.datasets, ...paths.datasetRoots];
  const findings: Finding[] = [];
  for (const folder of foldersOf(block)) {
    if (await isInsideAny(resolve(paths.root, folder), roots)) continue;
    findings.push(
      error(
        `${label} folder ${folder} is outside the folders that datasets may lie in (${roots.join(", ")}); start the agent with --dataset-root to allow another`,
        `Move the folder below ${paths.datasets}, or start the agent with --dataset-root`,
      ),
    );
  }
  return findings;
}

/** Control images of the sample prompts: named by a flag in the text, or by keys beside it. */
function controlImagesOf(sample: JsonObject): string[] {
  return [...asList(sample.prompts), ...asList(sample.samples)].flatMap((item) => {
    const block = asObject(item);
    const text = asText(item) ?? asText(block.prompt) ?? "";
    const keys = [block.ctrl_img, block.ctrl_img_1, block.ctrl_img_2, block.ctrl_img_3];
    return [...promptFlags(text).controlImages, ...keys.flatMap((path) => asText(path) ?? [])];
  });
}

/** Why a sample prompt may not show this image, or undefined: the trainer opens it as given and shows it in the samples. */
export async function controlImageProblem(image: string, paths: Paths): Promise<string | undefined> {
  const roots = [paths.root, ...paths.datasetRoots];
  const path = resolve(paths.root, image);
  // Also by a link from the allowed folders: our own files lie below the root.
  const isOurs = isInside(paths.state, path) || (await isInsideAny(path, [paths.state]));
  if (!isOurs && (await isInsideAny(path, roots))) return undefined;
  return `the control image ${image} of a sample prompt must lie inside ${roots.join(" or ")}`;
}

export const PLACE_CHECKS: readonly Check[] = [
  {
    name: "places to write",
    run: async ({ trainers, paths }) => {
      const roots = [paths.output, paths.outputs];
      const findings: Finding[] = [];
      for (const { at, block } of trainers) {
        const folder = asText(block.training_folder);
        if (folder && !(await isInsideAny(resolve(paths.root, folder), roots))) {
          findings.push(
            error(
              `${at}training_folder ${folder} is outside the folders that runs are written to (${roots.join(", ")})`,
              `Write training_folder: ${paths.output}`,
            ),
          );
        }
        const problem = block.name === undefined ? undefined : trainingNameProblem(asText(block.name) ?? "");
        if (problem)
          findings.push(error(`${at}'name' cannot be the run's folder: ${problem}`, "Remove the key"));
      }
      return findings;
    },
  },
  {
    name: "places to read",
    run: async ({ trainers, datasets, paths }) => {
      const findings: Finding[] = [];
      for (const { label, block } of datasets) findings.push(...(await outsideDatasets(label, block, paths)));
      for (const { at, block } of trainers) {
        for (const image of controlImagesOf(asObject(block.sample))) {
          const problem = await controlImageProblem(image, paths);
          if (problem)
            findings.push(
              error(`${at}${problem}`, `Copy the image below ${paths.datasets} and name it there`),
            );
        }
      }
      return findings;
    },
  },
];
