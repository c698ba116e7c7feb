// Pictures for chats: small enough for every client, whatever they show.
import type { Sharp } from "sharp";
import { onPicture } from "./on-picture.ts";

/** Clients cut or refuse larger pictures (Claude Desktop: 1 MB for a whole answer). */
export const PICTURE_BYTES_MAX = 300_000;
const QUALITIES = [82, 70, 55, 40, 25, 12];

/** The best quality that is small enough. Two megapixels of noise are at the lowest; nobody needs more in a chat. */
export async function smallJpeg(picture: Sharp): Promise<Buffer> {
  let image = Buffer.alloc(0);
  for (const quality of QUALITIES) {
    image = await onPicture(() => picture.clone().jpeg({ quality }).toBuffer());
    if (image.length <= PICTURE_BYTES_MAX) break;
  }
  return image;
}
