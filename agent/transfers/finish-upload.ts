// From the bytes of an upload, which are all here, to its data set.
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ToolError } from "../../shared/errors.ts";
import { identityOf } from "../files/identity.ts";
import { closing, folderInside } from "../files/sandbox.ts";
import type { Trash } from "../files/trash.ts";
import { type Turns, turnOf } from "../tools/datasets/turns.ts";
import type { ProcessIdentity } from "../tools/training/process.ts";
import type { UploadPurpose } from "./link-store.ts";
import type { Begun, Staging } from "./staging.ts";
import { Intake, refused } from "./unpack/intake.ts";
import { datasetIs, type Published, type PublishParts, publish } from "./unpack/publish.ts";
import { partialName, Tree } from "./unpack/tree.ts";
import { type Staged, unpack } from "./unpack/unpack.ts";
import { isEnding } from "./upload-turns.ts";

export interface FinishParts extends Omit<PublishParts, "datasets"> {
  readonly paths: { readonly datasets: string };
  /** Who unpacks. */
  readonly self: ProcessIdentity;
  /** Shared with all that changes data sets. */
  readonly turns: Turns;
  readonly onBug: (error: unknown) => void;
}

/** An upload of which all bytes are here. */
export interface Whole {
  /** Of a form 0. */
  readonly bytes: number;
  readonly files: readonly Staged[];
  readonly staging: Staging;
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
  purpose: UploadPurpose,
  whole: Whole,
  parts: FinishParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { bytes, staging } = whole;
  const { datasets } = parts.paths;
  const { tree: begun } = await staging.info();
  const trees = begun ? [...begun.earlier, begun.name] : [];
  const removeTrees = () => removeAll(trees.map((name) => join(datasets, name)));
  try {
    const made = begun?.made;
    const isThere = made && (await datasetIs(datasets, purpose.dataset, made.identity));
    const outcome = isThere ? made.outcome : await unpacked(purpose, whole, parts, signal);
    // It is made, and what is noted already says so to who finds this undone.
    await staging.end(bytes, outcome).catch(parts.onBug);
    await removeTrees().catch(parts.onBug);
    return outcome;
  } catch (error) {
    if (isEnding(signal)) throw error;
    await removeTrees();
    await staging.clear();
    throw error;
  }
}

/** From the bytes to the data set, which has its name when this resolves. */
async function unpacked(
  { dataset, kind, on_conflict }: UploadPurpose,
  { bytes, files, staging }: Whole,
  parts: FinishParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { datasets } = parts.paths;
  const info = await staging.info();
  const replaced = await replacedBy(info.tree, parts.trash);
  const { earlier = [] } = info.tree ?? {};
  const before = info.tree?.adds ? [...earlier, info.tree.name] : earlier;
  const tries = info.tree?.tries ?? 0;
  if (tries >= TRIES_MAX) throw tooOften();
  const from = files.map(({ path, name }) => ({ file: basename(path), name }));
  const noted = { name: partialName(), files: from, earlier: before, replaced, tries: tries + 1 };
  const note = (tree: Begun) => staging.setInfo({ ...info, length: bytes || null, tree });
  await note(noted);
  try {
    await staging.sync();
    await staging.verify(signal);
    const intake = new Intake({ imagesOnly: kind !== "dataset" });
    const tree = await closing(
      await folderInside(datasets, "", "dataset", { create: true }),
      // By its real path: the tree outlives this descriptor.
      (root) => Tree.make(join(root.path, noted.name), intake, signal),
    );
    const outcomeOf = ({ media, captions, trashId = replaced }: Published): Outcome => ({
      success: true,
      dataset,
      path: join(datasets, dataset),
      files_saved: media,
      captions_saved: captions,
      ...(trashId && { replaced_trash_id: trashId }),
      ...intake.report,
    });
    const announce = async (published: Published, path?: string) => {
      const identity = path && (await identityOf(path));
      const made = identity && { identity, outcome: outcomeOf(published) };
      await note({ ...noted, ...(made ? { made } : { adds: true }) });
    };
    try {
      for (const file of files) await unpack(file, tree);
      if (tree.taken.every((each) => each.kind === "caption") && on_conflict !== "append")
        throw nothingToTrain(intake);
      const trees = before.map((name) => join(datasets, name));
      const published = await parts.turns.take(turnOf(dataset), signal, () =>
        publish(tree, { dataset, on_conflict }, { ...parts, datasets }, announce, trees),
      );
      return outcomeOf(published);
    } finally {
      await tree.remove().catch(parts.onBug); // hidden, so that a tidying removes it
    }
  } catch (error) {
    // An agent that was told to end was not ended by this.
    if (isEnding(signal)) await note({ ...noted, tries });
    throw error;
  }
}

/** The trash id of what a try before had set aside, without coming to the end. */
async function replacedBy(begun: Begun | null, trash: Trash): Promise<string | undefined> {
  const id = begun?.replaced ?? begun?.made?.outcome["replaced_trash_id"];
  if (typeof id !== "string") return undefined;
  return (await trash.list()).find((entry) => entry.id === id)?.id;
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { recursive: true, force: true });
}

const tooOften = () =>
  refused(`the agent ended ${TRIES_MAX} times while it was unpacking it; its log may say why`);

function nothingToTrain(intake: Intake): ToolError {
  const { failed, skipped } = intake.report;
  const [first] = [...failed, ...skipped];
  const example = first ? ` (${first.file}: ${first.reason})` : "";
  return refused(`there is nothing in it that ai-toolkit trains on${example}`);
}
