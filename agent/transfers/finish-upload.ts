// From the bytes of an upload, which are all here, to its data set.
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ToolError } from "../../shared/errors.ts";
import { closing, folderInside } from "../files/sandbox.ts";
import { type Turns, turnOf } from "../tools/datasets/turns.ts";
import type { ProcessIdentity } from "../tools/training/process.ts";
import type { UploadPurpose } from "./link-store.ts";
import type { Staging } from "./staging.ts";
import { Intake, refused } from "./unpack/intake.ts";
import { type PublishParts, publish } from "./unpack/publish.ts";
import { partialName, Tree } from "./unpack/tree.ts";
import { type Staged, unpack } from "./unpack/unpack.ts";
import { isEnding } from "./upload-turns.ts";

export interface FinishParts extends Omit<PublishParts, "datasets"> {
  readonly paths: { readonly datasets: string };
  /** Who unpacks. */
  readonly self: ProcessIdentity;
  /** Shared with all that changes data sets. */
  readonly turns: Turns;
}

/** An archive that no agent outlives must not keep ending it. */
const TRIES_MAX = 3;

/** What the client is told, now and when it asks again. */
export type Outcome = Readonly<Record<string, unknown>>;

/**
 * Unpacks into a hidden folder, which then gets its name. Afterwards the bytes are gone, whether it went well or not.
 * @throws ToolError when it is refused; the signal's reason. When the agent ends, the bytes stay, and can be unpacked again.
 */
export async function finishUpload(
  { dataset, kind, on_conflict }: UploadPurpose,
  files: readonly Staged[],
  staging: Staging,
  parts: FinishParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { datasets } = parts.paths;
  const hidden = partialName();
  const info = await staging.info();
  try {
    await staging.verify(signal);
    const from = files.map(({ path, name }) => ({ file: basename(path), name }));
    const tries = (info.tree?.tries ?? 0) + 1;
    if (tries > TRIES_MAX) throw tooOften();
    await staging.setInfo({ ...info, tree: { name: hidden, files: from, tries } });
    const intake = new Intake({ imagesOnly: kind !== "dataset" });
    const tree = await closing(
      await folderInside(datasets, "", "dataset", { create: true }),
      // By its real path: the tree outlives this descriptor.
      (root) => Tree.make(join(root.path, hidden), intake, signal),
    );
    try {
      for (const file of files) await unpack(file, tree);
      if (tree.taken.every((each) => each.kind === "caption") && on_conflict !== "append")
        throw nothingToTrain(intake);
      const published = await parts.turns.take(turnOf(dataset), signal, () =>
        publish(tree, { dataset, on_conflict }, { ...parts, datasets }),
      );
      const outcome = {
        success: true,
        dataset,
        path: join(datasets, dataset),
        files_saved: published.media,
        captions_saved: published.captions,
        ...(published.trashId && { replaced_trash_id: published.trashId }),
        ...intake.report,
      };
      for (const { path } of files) await rm(path, { force: true });
      await staging.setInfo({ ...info, outcome, tree: null });
      return outcome;
    } finally {
      await tree.remove();
    }
  } catch (error) {
    // The bytes are whole, and are unpacked when an agent is back.
    if (!isEnding(signal)) await staging.clear();
    throw error;
  }
}

const tooOften = () =>
  refused(`the agent ended ${TRIES_MAX} times while it was unpacking it; its log may say why`);

function nothingToTrain(intake: Intake): ToolError {
  const { failed, skipped } = intake.report;
  const [first] = [...failed, ...skipped];
  const example = first ? ` (${first.file}: ${first.reason})` : "";
  return refused(`there is nothing in it that ai-toolkit trains on${example}`);
}
