// What root does in somebody's folder, it does as that person: a link put in its way leads no further than they could go.
import { stat } from "node:fs/promises";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = () => process.geteuid?.() === 0;

/** By way of root, which alone may become anybody. */
function become({ uid, gid }: Owner): void {
  process.seteuid?.(0);
  process.setegid?.(gid);
  process.seteuid?.(uid);
}

/**
 * For a process that root began, whoever it has become since.
 * Steps come one after the other, so that nothing else of ours happens meanwhile.
 */
export async function asUser<T>(owner: Owner, work: () => Promise<T>): Promise<T> {
  const before = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  become(owner);
  try {
    return await work();
  } finally {
    become(before);
  }
}

/** As the owner of `folder`, when that is not root and we are. */
export async function asOwnerOf<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const owner = await stat(folder);
  return isRoot() && owner.uid !== 0 ? await asUser(owner, work) : await work();
}
