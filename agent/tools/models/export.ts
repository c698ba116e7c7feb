// export_model: a verified copy in the outputs folder, whole or not at all.
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { invalid, ToolError } from "../../../shared/errors.ts";
import { placeFile } from "../../files/atomic.ts";
import {
  checkRelative,
  closing,
  type Folder,
  folderInside,
  hasCode,
  isMissing,
  removeMadeFolders,
  splitPath,
} from "../../files/sandbox.ts";
import { MODEL_EXTENSIONS, type OpenedModel } from "./model-files.ts";
import { copyVerified, type Reading } from "./verified-copy.ts";

/** Formats of model weights; a file of one never becomes another by being renamed. */
const WEIGHT_EXTENSIONS: readonly string[] = [...MODEL_EXTENSIONS, ".pth", ".bin", ".gguf", ".onnx"];

/**
 * Path of the copy below the outputs folder.
 * @throws ToolError invalid_input if `given` leads outside or names another format than the model's
 */
export function exportTarget(given: string | undefined, modelPath: string): string {
  const extension = extname(modelPath);
  if (given === undefined) return basename(modelPath);
  checkRelative(given, "output");
  const wanted = extname(given);
  if (wanted === extension) return given;
  if (WEIGHT_EXTENSIONS.includes(wanted.toLowerCase())) {
    const suggestion = `${given.slice(0, -wanted.length)}${extension}`;
    throw invalid(
      `Invalid output path: the model is a ${extension} file and export_model does not convert it; use ${suggestion}`,
    );
  }
  return checkRelative(`${given}${extension}`, "output");
}

export interface ExportOptions {
  /** The folder that is exported to; made when it is missing, but only if it is our own. */
  readonly root: string;
  /** What the root is called in messages. */
  readonly rootName: string;
  /** Path below `root`; see exportTarget. */
  readonly target: string;
  readonly overwrite: boolean;
  readonly reading: Reading;
  /** Of a whole open file; may know it already. */
  readonly sha256Of: (path: string, handle: FileHandle, stats: BigIntStats) => Promise<string>;
}

export interface Exported {
  readonly sha256: string;
  /** false: it was there already. */
  readonly copied: boolean;
}

/**
 * Puts a copy of the model at the target. If that is the model itself (D2) or has its content, nothing is written.
 * @throws ToolError conflict if something else is there and `overwrite` is off
 */
export async function exportTo(model: OpenedModel, options: ExportOptions): Promise<Exported> {
  const { root, rootName, target, overwrite, reading } = options;
  const { folder: subFolder, name } = splitPath(target);
  const made: string[] = [];
  const onCreate = (path: string) => made.push(path);
  try {
    return await closing(
      await folderInside(root, subFolder, "output", { create: true, onCreate }),
      async (folder) => {
        const existing = await whatLiesAt(folder, name, model, options);
        if (existing === "the model") {
          return {
            sha256: await options.sha256Of(model.path, model.file.handle, model.stats),
            copied: false,
          };
        }
        if (existing === "something else" && !overwrite) throw taken(rootName, target);
        let sha256 = "";
        await placeFile(folder, name, { overwrite }, async (temporary) => {
          sha256 = await copyVerified(model.file.handle, temporary, reading);
        });
        return { sha256, copied: true };
      },
    );
  } catch (error) {
    await removeMadeFolders(made);
    throw hasCode(error, "EEXIST", "EISDIR") ? taken(rootName, target) : error; // it came meanwhile, or is a folder
  }
}

function taken(rootName: string, target: string): ToolError {
  return new ToolError("conflict", `${rootName}/${target} exists and is not this model`, {
    hint: "Give another output_path or name_template, or overwrite: true to replace a file",
  });
}

async function whatLiesAt(
  folder: Folder,
  name: string,
  model: OpenedModel,
  { sha256Of }: ExportOptions,
): Promise<"nothing" | "the model" | "something else"> {
  const path = folder.at(name);
  const stats = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  if (!stats) return "nothing";
  // The same file, whatever links lead to it.
  if (stats.dev === model.stats.dev && stats.ino === model.stats.ino) return "the model";
  if (stats.size !== model.stats.size || !(await lstat(path)).isFile()) return "something else";
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const theirs = await sha256Of(join(folder.path, name), handle, await handle.stat({ bigint: true }));
    const ours = await sha256Of(model.path, model.file.handle, model.stats);
    return theirs === ours ? "the model" : "something else";
  } finally {
    await handle.close();
  }
}
