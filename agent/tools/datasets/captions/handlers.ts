import { join } from "node:path";
import type { Handlers } from "../../../../shared/contract.ts";
import type { captionTools } from "../../../../shared/tools/captions.ts";
import { checkRelative } from "../../../files/sandbox.ts";
import type { TrashEntry } from "../../../files/trash.ts";
import type { InUse } from "../../../in-use.ts";
import { openDataset, orNotFound } from "../open-dataset.ts";
import { refuseInUse } from "../refuse-in-use.ts";
import { type Turns, turnOf } from "../turns.ts";
import { pageOfCaptions } from "./get-captions.ts";
import { type CaptionParts, restoreCaptions } from "./overwrite.ts";
import { editCaptions } from "./replace-captions.ts";
import { writeCaptions } from "./set-captions.ts";

export interface CaptionHandlerParts extends CaptionParts {
  readonly inUse: InUse;
  readonly turns: Turns;
}

/** @throws ToolError conflict */
async function refuseUsed({ paths, inUse }: CaptionHandlerParts, name: string): Promise<void> {
  const folder = await openDataset(paths, name);
  await folder[Symbol.asyncDispose]();
  await refuseInUse(
    inUse,
    name,
    [join(paths.datasets, name), folder.path],
    "; or pass force: true to change captions while it reads them",
  );
}

export const captionHandlers = (parts: CaptionHandlerParts): Handlers<typeof captionTools> => {
  const { paths, turns } = parts;
  return {
    get_captions: (input, { signal }) => {
      checkRelative(input.name, "dataset");
      return orNotFound(pageOfCaptions(paths, input, signal));
    },

    set_captions: (input, { signal }) =>
      turns.take(turnOf(input.name), signal, async () => {
        if (!input.force) await refuseUsed(parts, input.name);
        return await writeCaptions(parts, input, signal);
      }),

    replace_in_captions: (input, { signal }) =>
      turns.take(turnOf(input.name), signal, async () => {
        if (!input.dry_run && !input.force) await refuseUsed(parts, input.name);
        return await editCaptions(parts, input, signal);
      }),
  };
};

/** What restore_deleted does with captions. */
export function captionRestorer(
  parts: CaptionHandlerParts,
): (entry: TrashEntry, signal: AbortSignal) => Promise<void> {
  return (entry, signal) =>
    parts.turns.take(turnOf(entry.name), signal, async () => {
      await refuseUsed(parts, entry.name);
      await restoreCaptions(parts, entry);
    });
}
