// SQLite files of other programs, read without leaving a trace. Opened in the plain read-only way, a database in WAL mode
// gets `-wal` and `-shm` files beside it that stay, and in a folder that is not ours to write it cannot be opened at all.
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** "File format read version" in the file's header (https://sqlite.org/fileformat2.html#file_format_version_numbers). */
const READ_VERSION_AT = 19;
const WAL = 2;

function isWal(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const version = Buffer.alloc(1);
    return readSync(file, version, 0, 1, READ_VERSION_AT) === 1 && version[0] === WAL;
  } finally {
    closeSync(file);
  }
}

function hasBytes(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * Opens the database at `path` for as long as `read` takes.
 * @throws Error (ERR_SQLITE_ERROR) when it is busy for longer than `timeoutMs`, damaged, or no database; ENOENT
 */
export function readDatabase<T>(path: string, timeoutMs: number, read: (db: DatabaseSync) => T): T {
  const [log, index] = [`${path}-wal`, `${path}-shm`];
  if (!isWal(path) || existsSync(index)) return opened(path, timeoutMs, read);
  if (hasBytes(log)) return inCopy(path, log, timeoutMs, read);
  // Nobody has it open: who writes in WAL mode makes both files before anything else.
  const still = pathToFileURL(path);
  still.searchParams.set("immutable", "1");
  return opened(still, timeoutMs, read);
}

function opened<T>(path: string | URL, timeout: number, read: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { readOnly: true, timeout });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

/** Copied without its index, or its owner was killed and somebody tidied up: reading it would make the index anew. */
function inCopy<T>(path: string, log: string, timeoutMs: number, read: (db: DatabaseSync) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "read-only-"));
  try {
    const copy = join(folder, "copy.db");
    copyFileSync(path, copy);
    copyFileSync(log, `${copy}-wal`);
    return opened(copy, timeoutMs, read);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
