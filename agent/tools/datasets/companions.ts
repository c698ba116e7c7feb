// Folders of control images and masks, told by their names. Only those outside of a data set do what they are for: below
// it, the trainer takes their files for images to be trained (toolkit/data_loader.py:431-450); it knows one exception,
// the controls that it makes itself, in `_controls`.
import { basename } from "node:path";
import { CONTROLS } from "./trainer-caches.ts";

const CONTROL_WORDS =
  "controls?|conditions?|conditioning|depth|canny|edges|line|lineart|pose|openpose|scribble|normals|inpaint";
const MASK_WORDS = "masks?|mattes?";
const ROLES = [
  ["control", CONTROL_WORDS],
  ["mask", MASK_WORDS],
] as const;

export type Role = "control" | "mask";

export interface Companion {
  readonly folder: string;
  readonly role: Role | "generated";
  /** Its files are trained like the others. */
  readonly trained: boolean;
}

/** What a folder's name says it is for. */
export function roleOf(folder: string): Role | undefined {
  const name = basename(folder).toLowerCase().replace(/^_+/, "");
  return ROLES.find(([, words]) => new RegExp(`^(${words})$`).test(name))?.[0];
}

/** Is `other` named like `dataset` and something for control images or masks? `cats_control`, `masks-cats` … */
function roleBeside(dataset: string, other: string): Role | undefined {
  const [name, own] = [other.toLowerCase(), dataset.toLowerCase()];
  for (const part of [
    name.startsWith(own) && name.slice(own.length).replace(/_?\d$/, ""),
    name.endsWith(own) && name.slice(0, -own.length),
  ]) {
    const word = part && /^[-_. ]([a-z]+)$|^([a-z]+)[-_. ]$/.exec(part);
    const role = word && roleOf(word[1] ?? word[2] ?? "");
    if (role) return role;
  }
  return undefined;
}

export interface FolderOfDataset {
  /** Below the data set. */
  readonly path: string;
  readonly media: number;
}

/**
 * The control and mask folders of the data set `name`.
 * @param folders all folders below it
 * @param siblings the names of the folders beside it
 */
export function companionsOf(
  name: string,
  folders: readonly FolderOfDataset[],
  siblings: readonly string[],
): Companion[] {
  const inside = folders.flatMap(({ path, media }): Companion[] => {
    const folder = `${name}/${path}`;
    if (basename(path) === CONTROLS) return [{ folder, role: "generated", trained: false }];
    const role = media > 0 ? roleOf(path) : undefined;
    return role ? [{ folder, role, trained: true }] : [];
  });
  const last = basename(name);
  const parent = name.slice(0, name.length - last.length);
  const beside = siblings.flatMap((sibling): Companion[] => {
    const role = sibling === last ? undefined : roleBeside(last, sibling);
    return role ? [{ folder: parent + sibling, role, trained: false }] : [];
  });
  return [...inside, ...beside];
}
