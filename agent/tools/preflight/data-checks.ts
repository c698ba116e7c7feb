// The data sets as they are on disk.
import { relative } from "node:path";
import { asObject, asText, type Finding } from "../configs/check.ts";
import { NEEDS_CONTROLS } from "../configs/control-checks.ts";
import { archOf } from "../configs/model-arch.ts";
import type { DatasetLook } from "./dataset-look.ts";
import { blocker, error, type MachineCheck, warning } from "./machine-check.ts";

const eachLook = (
  name: string,
  run: (look: DatasetLook) => readonly (Finding | false)[],
  ok: MachineCheck["ok"],
): MachineCheck => ({ name, run: ({ looks }) => looks.flatMap(run), ok });

/** A name fit for one line; names may hold anything but a slash. */
const plain = (name: string) => name.replace(/\p{Cc}/gu, "?");

const countOf = ({ files, isCapped, word }: DatasetLook) =>
  `${isCapped ? "more than " : ""}${files.length} ${word}`;

function captions(look: DatasetLook): (Finding | false)[] {
  const { label, dataset, files, captionCount } = look;
  const { block, process } = dataset;
  const stands =
    asText(block.default_caption) || asText(block.trigger_word) || asText(process.block.trigger_word);
  const without = files.length - captionCount;
  if (look.untagged.length > 0) {
    return [
      warning(
        `${label}: captions without <CAPTION>…</CAPTION> are empty to a music model: ${look.untagged.map(plain).join(", ")}`,
        "Write them with the tags <CAPTION>, <LYRICS>, <BPM>, <KEYSCALE>, <TIMESIGNATURE>, <DURATION> and <LANGUAGE>",
      ),
    ];
  }
  if (without === 0 || stands) return [];
  const fix = `Add a text file beside each, or write ${label.replace("Dataset ", "datasets.")}.default_caption or trigger_word`;
  return [
    captionCount === 0
      ? warning(`${label}: none of the ${countOf(look)} has a caption: all are trained on an empty text`, fix)
      : warning(
          `${label}: ${without} of ${countOf(look)} have no caption and are trained on an empty text`,
          fix,
        ),
  ];
}

function unreadable({ label, unreadable: names, unreadableCount }: DatasetLook): (Finding | false)[] {
  const more = unreadableCount > names.length ? " …" : "";
  return [
    unreadableCount > 0 &&
      blocker(
        `${label}: ${unreadableCount} of the captions that were read are not UTF-8: ${names.map(plain).join(", ")}${more}; the first that is met ends the run`,
        "Save them as UTF-8; set_captions writes them anew, check_dataset finds all",
      ),
  ];
}

const SHOWN = 3;

function nested({ label, nested: folders, word }: DatasetLook): (Finding | false)[] {
  const shown = folders.slice(0, SHOWN).map(({ folder, files }) => `${plain(folder)} (${files})`);
  const more = folders.length > SHOWN ? ` and ${folders.length - SHOWN} more` : "";
  return [
    folders.length > 0 &&
      warning(
        `${label} has sub-folders whose ${word} are trained as well: ${shown.join(", ")}${more}`,
        "Move control images, masks and everything else that is not to be learned out of the data set",
      ),
  ];
}

function batch({ label, dataset, files }: DatasetLook): (Finding | false)[] {
  const { block, process } = dataset;
  const size = block.batch_size ?? asObject(process.block.train).batch_size;
  return [
    typeof size === "number" &&
      files.length > 0 &&
      size > files.length &&
      warning(
        `${label} has ${files.length} files, fewer than a batch of ${size}: each batch repeats them`,
        `Write train.batch_size: ${files.length} or less`,
      ),
  ];
}

function partners({ label, dataset, controls, files, word }: DatasetLook): (Finding | false)[] {
  const isNeeded = NEEDS_CONTROLS.includes(archOf(asObject(dataset.process.block.model)));
  return controls.flatMap(({ folder, exists, missing, missingCount }): (Finding | false)[] => {
    if (!exists) {
      return [
        error(`${label}: the control folder ${folder} does not exist`, "Make it, or name another folder"),
      ];
    }
    if (missingCount === 0 || files.length === 0) return [];
    const some = missing.map(plain).join(", ") + (missingCount > missing.length ? " …" : "");
    const text = `${label}: ${missingCount} of ${files.length} ${word} have no control image of their name in ${folder}: ${some}`;
    const fix =
      "Add them directly into that folder, with the same name and .jpg, .jpeg, .png or .webp in lower case";
    return [isNeeded || missingCount === files.length ? error(text, fix) : warning(text, fix)];
  });
}

export const DATA_CHECKS: readonly MachineCheck[] = [
  eachLook("captions", captions, ({ looks }) => {
    const captioned = looks.reduce((sum, { captionCount }) => sum + captionCount, 0);
    return `${looks.map(countOf).join(", ") || "No folder to look at"}; ${captioned} captions`;
  }),
  eachLook("caption encoding", unreadable, () => "UTF-8, as far as they were read"),
  eachLook(
    "writable data",
    ({ label, isWritable, dataset }) => [
      !isWritable &&
        error(
          `${label}: the trainer writes the sizes of its images into ${dataset.folderText}, and may not`,
          "Give the agent's user the right to write there, or copy the data set below the datasets folder",
        ),
    ],
    () => "The trainer may write beside the images",
  ),
  eachLook("nested folders", nested, () => "Nothing is trained that lies deeper"),
  {
    name: "images decode",
    run: ({ decoded }) =>
      decoded.flatMap(({ look, damaged }): Finding[] => {
        const [first] = damaged;
        if (!first) return [];
        const { block, folder = "" } = look.dataset;
        const cached = block.cache_latents_to_disk === true || block.cache_latents === true;
        const more = damaged.length > 1 ? `, and ${damaged.length - 1} more` : "";
        const text = `${look.label}: ${plain(relative(folder, first.path))} does not decode (${first.problem})${more}`;
        const fix = "Export the images again, or remove them";
        return [cached ? blocker(`${text}; that ends a run that caches latents`, fix) : warning(text, fix)];
      }),
    ok: ({ decoded }) => `${decoded.reduce((sum, { looked }) => sum + looked, 0)} tried`,
  },
  eachLook("control images", partners, ({ looks }) =>
    looks.some(({ controls }) => controls.length > 0) ? "Every one has its partner" : "None are used",
  ),
  eachLook("batch size", batch, () => "Smaller than the data set"),
];
