// One picture of a data set as a chat can show it.
import { join } from "node:path";
import type { Sharp } from "sharp";
import { ToolError } from "../../../../shared/errors.ts";
import { closing, fileInside } from "../../../files/sandbox.ts";
import { onPicture } from "../../../pictures/on-picture.ts";
import type { Roots } from "../walk-dataset.ts";

/** No training image is as large; decoding one that is would take more memory than this tool is worth. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;
const PIXELS_MAX = 100_000_000;

/**
 * Fitted into a square of `side` pixels, the right way up.
 * @throws ToolError invalid_input when it is no picture; ENOENT
 */
export function pictureOf(
  { datasets, datasetRoots }: Roots,
  dataset: string,
  file: string,
  side: number,
): Promise<Sharp> {
  return onPicture(async () => {
    const path = join(dataset, file);
    const opened = await fileInside(datasets, path, "image file", { alsoInside: datasetRoots });
    return await closing(opened, async ({ handle }) => {
      if ((await handle.stat()).size > FILE_BYTES_MAX) throw unreadable(file);
      const { default: sharp } = await import("sharp");
      const picture = sharp(await handle.readFile(), { limitInputPixels: PIXELS_MAX });
      // Decoded here, once, and no longer held in full size.
      const { data, info } = await picture
        .autoOrient()
        .flatten({ background: "#fff" }) // transparency would become black
        .resize(side, side, { fit: "inside", withoutEnlargement: true })
        .raw()
        .toBuffer({ resolveWithObject: true })
        .catch((cause: unknown) => {
          throw unreadable(file, cause);
        });
      const { width, height, channels } = info;
      return sharp(data, { raw: { width, height, channels } });
    });
  });
}

const unreadable = (file: string, cause?: unknown) =>
  new ToolError("invalid_input", `${file} cannot be shown as a picture`, { cause });
