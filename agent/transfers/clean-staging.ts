// What processes left behind that are gone: uploads that are whole, and bytes whose links no longer work.
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isAlive, type ProcessIdentity } from "../tools/training/process.ts";
import { Staging } from "./staging.ts";

/** A link may end while bytes come by it: those arrive. */
const QUIET_MS = 60 * 60 * 1000;

export interface Cleaned {
  readonly forgotten: number;
  readonly trees: ReadonlySet<string>;
}

/**
 * @param goOn told of uploads whose links work: some may be whole, and wait to be unpacked
 * @returns how many uploads were forgotten, and the hidden folders that the others are unpacked to
 */
export async function cleanStaging(
  { datasets, staging }: { readonly datasets: string; readonly staging: string },
  self: ProcessIdentity,
  isLive: (linkId: string) => boolean,
  goOn: (linkId: string) => void,
): Promise<Cleaned> {
  let forgotten = 0;
  const trees = new Set<string>();
  for (const id of await readdir(staging)) {
    const upload = new Staging(staging, id, self);
    const { tree, by } = await upload.info();
    const names = tree ? [tree.name, ...tree.earlier] : [];
    const isAtWork = by && (await isAlive(by)) && (tree || !(await isQuiet(upload)));
    if (isLive(id) || isAtWork) {
      for (const name of names) trees.add(name);
      if (isLive(id)) goOn(id);
      continue;
    }
    for (const name of names) await rm(join(datasets, name), { recursive: true, force: true });
    await upload.clear();
    forgotten += 1;
  }
  return { forgotten, trees };
}

async function isQuiet({ body }: Staging): Promise<boolean> {
  const info = await stat(body).catch(() => undefined); // none: nothing comes
  return !info || Date.now() - info.mtimeMs > QUIET_MS;
}
