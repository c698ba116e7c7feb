// A folder of control images or masks beside a data set, opened for the time of a check.
import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import type { Folder } from "../../../files/sandbox.ts";
import { hasCode, isMissing } from "../../../files/sandbox.ts";
import { statAll } from "../../../files/stat-all.ts";
import type { Role } from "../companions.ts";
import { openDatasetPath } from "../open-dataset.ts";
import type { Roots } from "../walk-dataset.ts";
import type { Facts } from "./facts.ts";
import { type FactsStore, identityOf } from "./facts-store.ts";
import type { Candidate } from "./look-at-all.ts";
import { factsOf } from "./media-facts.ts";
import { type Partners, partnersOf } from "./partners.ts";

/** An image of a partner folder, and the file it belongs to. */
export interface PartnerFile extends Candidate {
  readonly role: Role;
  /** As the client named the folder, with the name in it. */
  readonly shown: string;
  readonly file: string;
}

export interface PartnerFolder extends AsyncDisposable {
  readonly role: Role;
  readonly given: string;
  readonly partners: Partners;
  readonly files: readonly PartnerFile[];
}

/** @throws ToolError not_found or invalid_input */
export async function openPartnerFolder(
  roots: Roots,
  role: Role,
  given: string,
  files: readonly string[],
  store: FactsStore,
): Promise<PartnerFolder> {
  const folder = await openDatasetPath(roots, given);
  try {
    const partners = partnersOf(files, await readdir(folder.at(".")));
    const known = store.known(folder.path);
    const stats = await statAll(partners.pairs.map(({ partner }) => folder.at(partner)));
    return {
      role,
      given,
      partners,
      files: partners.pairs.flatMap(({ file, partner }, index): PartnerFile[] => {
        const found = stats[index];
        if (!found?.isFile()) return [];
        const identity = identityOf(found);
        return [
          {
            role,
            file,
            shown: `${given}/${partner}`,
            folder: folder.path,
            path: partner,
            identity,
            facts: known.get({ path: partner, identity }),
            look: () => lookAt(folder, partner),
          },
        ];
      }),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** undefined: gone, or a link, which is not followed here. */
async function lookAt(folder: Folder, name: string): Promise<Facts | undefined> {
  try {
    const path = folder.at(name);
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      return await factsOf(handle, "image", path);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error) || hasCode(error, "ELOOP")) return undefined;
    throw error;
  }
}
