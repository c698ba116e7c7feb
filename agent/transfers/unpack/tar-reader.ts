// The entries of a tar, in one pass: POSIX.1-2001 (pax), and what GNU's and the first ones do otherwise. What could be read
// in two ways is refused, and so is one without an end: the tar that made it may have died while its output went on to us.
import { entryName, fromLatin1 } from "./entry-name.ts";
import { refused } from "./intake.ts";
import type { PulledBytes } from "./pulled-bytes.ts";
import { BLOCK_BYTES, isTarHeader, octal } from "./tar-blocks.ts";
import { cutOff, TarContent } from "./tar-content.ts";
import { paxRecords } from "./tar-pax.ts";

export interface TarEntry {
  readonly path: string;
  readonly kind: Kind;
  readonly content: TarContent;
}

type Kind = "file" | "folder" | "link or device" | "passed over";

const KINDS: Readonly<Record<string, Kind>> = {
  ...{ "0": "file", "7": "file" },
  ...{ "5": "folder", D: "folder" },
  ...{ "1": "link or device", "2": "link or device", "3": "link or device" },
  ...{ "4": "link or device", "6": "link or device" },
  // The name of the whole archive, and who may do what with a file.
  ...{ V: "passed over", A: "passed over" },
};

/** What an entry's own header has no room for, from one in front of it. */
interface Extra {
  readonly path?: string;
  readonly bytes?: number;
  readonly isSparse?: boolean;
}

const EXTRA_BYTES_MAX = 1024 * 1024;
const EXTRAS: Readonly<Record<string, (content: Buffer) => Extra>> = {
  L: (content) => ({ path: textOf(content) }),
  K: () => ({}), // where a link leads
  x: extraOf,
  X: extraOf,
  g(content) {
    const { path, bytes, isSparse } = extraOf(content);
    if (path === undefined && bytes === undefined && !isSparse) return {};
    throw refused("it has one name or size for all files that follow");
  },
};

/** @throws ToolError when the archive is damaged, or no tar */
export async function* tarEntries(source: PulledBytes): AsyncGenerator<TarEntry> {
  let extra: Extra = {};
  for (let isFirst = true; ; isFirst = false) {
    const header = await headerFrom(source, isFirst);
    if (!header) break;
    const type = typeOf(header);
    const read = EXTRAS[type];
    if (read) {
      const content = new TarContent(source, sizeOf(header));
      if (content.bytes > EXTRA_BYTES_MAX)
        throw refused("there is a header in it that is larger than any name");
      extra = { ...extra, ...read(await content.whole()) };
      await content.pass();
      continue;
    }
    const entry = entryOf(header, type, extra, source);
    yield entry;
    await entry.content.pass();
    extra = {};
  }
  await passEnd(source);
}

/** @returns undefined at the archive's end */
async function headerFrom(source: PulledBytes, isFirst: boolean): Promise<Buffer | undefined> {
  const block = await source.all(BLOCK_BYTES);
  if (block.length === BLOCK_BYTES && block.every((byte) => byte === 0)) return undefined;
  if (isTarHeader(block)) return block;
  if (isFirst) throw refused("what is packed in it is no tar");
  if (block.length < BLOCK_BYTES) throw cutOff();
  throw refused("it is damaged: what should be a header has another checksum");
}

/** To the end of the file: a gzip's checksum stands there. */
async function passEnd(source: PulledBytes): Promise<void> {
  for (let block = await source.all(BLOCK_BYTES); block.length > 0; block = await source.all(BLOCK_BYTES)) {
    // Programs that look behind the end would see other files than we do.
    if (block[0] !== 0 && isTarHeader(block))
      throw refused("another archive follows its end; pack all into one");
  }
}

function entryOf(header: Buffer, type: string, extra: Extra, source: PulledBytes): TarEntry {
  const path = extra.path ?? pathOf(header);
  const kind = KINDS[type];
  if (kind === undefined || (extra.isSparse && kind === "file"))
    throw refused(
      `${path.slice(0, 200)} is of a kind that only few programs know (sparse, multi-volume); pack it plainly`,
    );
  // The first tars had no type for folders. Those of some systems tell a size that has no bytes behind it.
  const isFolder = kind === "folder" || (kind === "file" && path.endsWith("/"));
  const bytes = type === "5" || (isFolder && type === "0") ? 0 : (extra.bytes ?? sizeOf(header));
  return { path, kind: isFolder ? "folder" : kind, content: new TarContent(source, bytes) };
}

const typeOf = (header: Buffer) => header.toString("latin1", 156, 157).replace("\0", "0");

/** GNU's, which has other things where POSIX puts the beginning of a path, has a blank there. */
const isPosix = (header: Buffer) => header.toString("latin1", 257, 263) === "ustar\0";

function pathOf(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  const before = isPosix(header) ? textOf(header.subarray(345, 500)) : "";
  return before === "" ? name : `${before}/${name}`;
}

/** Up to a NUL, if there is one. */
function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return entryName(end < 0 ? bytes : bytes.subarray(0, end), fromLatin1);
}

/** Octal, or what is too large for that: binary, marked by the first bit. */
function sizeOf(header: Buffer): number {
  const isBinary = header.readUInt8(124) >= 0x80;
  const size = isBinary
    ? Number(BigInt.asUintN(95, BigInt(`0x${header.toString("hex", 124, 136)}`)))
    : octal(header, 124, 136);
  if (Number.isSafeInteger(size)) return size;
  throw refused("it is damaged: there is a size in it that no file has");
}

function extraOf(content: Buffer): Extra {
  const records = paxRecords(content);
  const [path, size] = [records.get("path"), records.get("size")?.toString("latin1")];
  if (size !== undefined && !/^\d{1,15}$/.test(size))
    throw refused("it is damaged: a size in it is no number");
  return {
    ...(path && { path: entryName(path, fromLatin1) }),
    ...(size !== undefined && { bytes: Number(size) }),
    ...([...records.keys()].some((key) => key.startsWith("GNU.sparse.")) && { isSparse: true }),
  };
}
