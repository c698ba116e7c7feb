// Which control image or mask belongs to which file: the trainer looks in the folder itself, not below it, for the same
// name with one of its image extensions in lower case (toolkit/dataloader_mixins.py, ControlFileItemDTOMixin).
import { basename } from "node:path";
import { IMAGE_EXTENSIONS, stemOf } from "../images.ts";
import { mediaKindOf } from "../media.ts";

export interface Partners {
  /** Paths of files without one. */
  readonly missing: readonly string[];
  /** Images of the folder that belong to no file. */
  readonly unused: readonly string[];
  readonly pairs: readonly { readonly file: string; readonly partner: string }[];
}

/**
 * @param files paths below the data set
 * @param names of everything in the partner folder
 */
export function partnersOf(files: readonly string[], names: readonly string[]): Partners {
  const present = new Set(names);
  const missing: string[] = [];
  const pairs: { file: string; partner: string }[] = [];
  for (const file of files) {
    const stem = stemOf(basename(file));
    const partner = IMAGE_EXTENSIONS.map((extension) => stem + extension).find((name) => present.has(name));
    if (partner === undefined) missing.push(file);
    else pairs.push({ file, partner });
  }
  const used = new Set(pairs.map(({ partner }) => partner));
  const unused = names.filter(
    (name) => mediaKindOf(name) === "image" && !name.startsWith(".") && !used.has(name),
  );
  return { missing, unused, pairs };
}

/** Shapes that differ by less are cropped alike. */
const SHAPE_TOLERANCE = 0.03;

/** Would stretching the one to the other's shape show? */
export function differInShape(
  a: { readonly width: number; readonly height: number },
  b: { readonly width: number; readonly height: number },
): boolean {
  return Math.abs(Math.log((a.width * b.height) / (a.height * b.width))) > SHAPE_TOLERANCE;
}
