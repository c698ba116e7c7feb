// The beginnings of files.
import { close, closeSync, constants, fstat, fstatSync, open, openSync, read, readSync } from "node:fs";
import { askDisk } from "./ask-disk.ts";
import { hasCode } from "./sandbox.ts";

export interface Start {
  readonly bytes: Buffer;
  /** Of the whole file. */
  readonly size: number;
}

/** A fifo must not hang us, and a link is for whoever knows where it may lead. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * undefined: it is no regular file. With callbacks, and no look for the end: of thousands of captions that takes little
 * more than half as long as with promises.
 * @throws ELOOP for a link, and the file system's other errors
 */
export function readStart(path: string, bytesMax: number): Promise<Start | undefined> {
  return new Promise((resolve, reject) => {
    open(path, FLAGS, (notOpened, fd) => {
      if (hasCode(notOpened, "ENXIO")) return resolve(undefined); // a socket
      if (notOpened) return reject(notOpened);
      const end = (error: Error | null, start?: Start) =>
        close(fd, () => (error ? reject(error) : resolve(start)));
      fstat(fd, (unknown, stats) => {
        if (unknown || !stats.isFile()) return end(unknown);
        const { size } = stats;
        const length = Math.min(size, bytesMax);
        read(fd, Buffer.allocUnsafe(length), 0, length, 0, (failed, count, bytes) =>
          end(failed, { bytes: bytes.subarray(0, count), size }),
        );
      });
    });
  });
}

/** Into `into`, which has room for it. */
function readStartNow(path: string, into: Buffer): Start | undefined {
  const fd = openSync(path, FLAGS);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return undefined;
    const { size } = stats;
    return { bytes: into.subarray(0, readSync(fd, into, 0, Math.min(size, into.length), 0)), size };
  } finally {
    closeSync(fd);
  }
}

/**
 * The same of many files, in any order, by way of askDisk().
 * @param take is told the path's index; the bytes are good until it returns
 */
export function readStarts(
  paths: readonly string[],
  bytesMax: number,
  take: (index: number, start: Start | Error | undefined) => void,
): Promise<void> {
  const into = Buffer.allocUnsafe(bytesMax);
  const now = (path: string) => {
    try {
      return readStartNow(path, into);
    } catch (error) {
      if (hasCode(error, "ENXIO")) return undefined;
      throw error;
    }
  };
  return askDisk(paths, now, (path) => readStart(path, bytesMax), take);
}
