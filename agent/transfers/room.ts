// Room on the disk for what is coming in.
import { ToolError } from "../../shared/errors.ts";
import { diskSpace } from "../files/disk-space.ts";

/** A running training needs room, too: an upload never takes the last of it. */
export const RESERVE_BYTES = 512 * 1024 * 1024;
/** It is looked for so often while bytes come: nobody may have said how many, and others write, too. */
const LOOK_BYTES = 64 * 1024 * 1024;

/** @throws ToolError disk_full when `bytes` more do not fit where `path` lies */
export async function checkRoom(path: string, bytes: number): Promise<void> {
  const { freeBytes } = await diskSpace(path);
  if (freeBytes - RESERVE_BYTES < bytes) throw noRoom();
}

export const noRoom = (also = "") =>
  new ToolError("disk_full", "The upload does not fit on the training machine's disk", {
    hint: `Free space or delete old runs, then send it again${also}`,
  });

/** Looks again and again while bytes come to `path`. */
export class RoomWatch {
  readonly #path: string;
  #unlooked = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** To be called before so many bytes are written. @throws ToolError disk_full */
  async passed(bytes: number): Promise<void> {
    this.#unlooked += bytes;
    if (this.#unlooked <= LOOK_BYTES) return;
    this.#unlooked = 0;
    await checkRoom(this.#path, 0);
  }
}
