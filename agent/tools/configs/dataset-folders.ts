// Which keys of a data set entry name folders that the trainer reads (toolkit/config_modules.py, DatasetConfig).
import { asText, type JsonObject } from "./check.ts";

export const FOLDER_KEYS = [
  "folder_path",
  "dataset_path",
  "control_path",
  "control_path_1",
  "control_path_2",
  "control_path_3",
  "mask_path",
  "inpaint_path",
  "unconditional_path",
  "clip_image_path",
] as const;

/** Every folder a data set entry names, as it is written there. A control path may be a list. */
export function foldersOf(dataset: JsonObject): string[] {
  return FOLDER_KEYS.flatMap((key) => {
    const value = dataset[key];
    return Array.isArray(value) ? value.filter((path) => typeof path === "string") : (asText(value) ?? []);
  });
}
