// What root does in somebody's folder, it does as that person: a link put in its way leads no further than they could go.
import { stat } from "node:fs/promises";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = () => process.geteuid?.() === 0;

/** Steps come one after the other, so that nothing else of ours happens meanwhile. */
export async function asUser<T>({ uid, gid }: Owner, work: () => Promise<T>): Promise<T> {
  process.setegid?.(gid);
  process.seteuid?.(uid);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

/** As the owner of `folder`, when that is not root and we are. */
export async function asOwnerOf<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const owner = await stat(folder);
  return isRoot() && owner.uid !== 0 ? await asUser(owner, work) : await work();
}
