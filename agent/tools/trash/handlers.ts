import type { Handlers } from "../../../shared/contract.ts";
import { ToolError } from "../../../shared/errors.ts";
import type { trashTools } from "../../../shared/tools/trash.ts";
import { hasCode, isMissing } from "../../files/sandbox.ts";
import type { Trash, TrashEntry } from "../../files/trash.ts";

/** More entries than these help nobody to find one. */
const LISTED_MAX = 100;

export interface TrashParts {
  readonly trash: Trash;
  /** Captions were overwritten, not moved away: they take the place of those of today. */
  readonly restoreCaptions: (entry: TrashEntry, signal: AbortSignal) => Promise<void>;
}

export const trashHandlers = ({ trash, restoreCaptions }: TrashParts): Handlers<typeof trashTools> => ({
  async restore_deleted({ trash_id }, { signal }) {
    const entry = trash_id === undefined ? undefined : (await trash.list()).find(({ id }) => id === trash_id);
    if (trash_id !== undefined && !entry) {
      throw new ToolError("not_found", "Nothing in the trash has this id", {
        hint: "Call restore_deleted without trash_id to see what is there",
      });
    }
    if (entry) {
      await told(entry, entry.kind === "captions" ? restoreCaptions(entry, signal) : trash.restore(entry));
    }
    const left = (await trash.list()).slice(0, LISTED_MAX);
    return {
      restored: entry ? { kind: entry.kind, name: entry.name, paths: [...entry.paths] } : null,
      deleted: left.map(({ id, kind, name, deleted_at }) => ({ trash_id: id, kind, name, deleted_at })),
    };
  },
});

async function told(entry: TrashEntry, restoring: Promise<void>): Promise<void> {
  try {
    await restoring;
  } catch (error) {
    if (hasCode(error, "EEXIST")) {
      throw new ToolError("conflict", `There is something else now where '${entry.name}' was`, {
        hint: "Delete or rename that first, then restore again",
        cause: error,
      });
    }
    if (isMissing(error)) {
      throw new ToolError(
        "conflict",
        `The folder that '${entry.name}' was in is gone, or the trash entry is damaged`,
        {
          hint: `Make the folder of ${entry.paths[0] ?? "it"} again, then restore`,
          cause: error,
        },
      );
    }
    throw error;
  }
}
