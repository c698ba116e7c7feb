// Where the next bytes of an upload go: behind those that are here, or to a new beginning.
import { invalid, ToolError } from "../../shared/errors.ts";
import { EMPTY, type Staging } from "./staging.ts";

/**
 * Makes ready for a part that begins at a byte.
 * @param length of the whole, if the client has said it
 * @throws ToolError conflict when what is here ends elsewhere
 */
export async function continueAt(staging: Staging, at: number, length: number | undefined): Promise<void> {
  const info = await staging.info();
  const isAnother = info.outcome !== null && length !== undefined && length !== info.length;
  if (isAnother || (at === 0 && (info.outcome !== null || length !== undefined))) {
    await staging.begin({
      ...EMPTY,
      name: info.outcome ? "" : info.name,
      length: length ?? info.length,
      sha256: info.outcome ? null : info.sha256,
    });
    if (at > 0) throw elsewhere(0, at);
    return;
  }
  const offset = await staging.offset();
  if (info.outcome !== null || at !== offset) throw elsewhere(offset, at);
  if (length === undefined || length === info.length) return;
  if (info.length !== null) throw invalid(`This upload has ${info.length} bytes, not ${length}`);
  await staging.setInfo({ ...info, length });
}

export const elsewhere = (offset: number, at: number) =>
  new ToolError("conflict", `This upload stands at byte ${offset}, not ${at}`, {
    hint: "A HEAD request tells where to go on; DELETE begins anew",
  });
