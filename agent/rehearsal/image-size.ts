// Width and height from an image's first bytes, so that a dataset can be scanned without loading an image library.
import { closeSync, openSync, readSync } from "node:fs";
import { imageHead } from "../tools/datasets/image-head.ts";
import { PythonError } from "./python.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** @throws PythonError when it is no JPEG, PNG or WebP */
export function imageSize(path: string): Size {
  const fd = openSync(path, "r");
  try {
    const head = imageHead((position, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
    });
    if (head) return { width: head.width, height: head.height };
  } finally {
    closeSync(fd);
  }
  throw new PythonError("PIL.UnidentifiedImageError", `cannot identify image file '${path}'`);
}
