// For tests: archives of every kind, also such as no program makes.
import { crc32, gzipSync } from "node:zlib";

/** What it is, how it is made, and what the refusal says. */
export type BadArchive = readonly [string, () => Buffer, string];

export interface ZipFile {
  readonly name: string | Uint8Array;
  readonly data?: Uint8Array | string;
  readonly encrypted?: boolean;
  /** Says that the name is UTF-8. */
  readonly utf8?: boolean;
  /** Unix mode with the file type. */
  readonly mode?: number;
  readonly method?: number;
  /** What the archive claims that it unpacks to. */
  readonly claims?: number;
  /** How long the archive claims it to be as it lies there. */
  readonly packed?: number;
  /** Of what it unpacks to; needed where `data` is packed. */
  readonly crc?: number;
  /** Where the archive claims that it lies. */
  readonly at?: number;
  /** What its own header calls it. */
  readonly calledThere?: string;
  /** Fields behind its name in the directory. */
  readonly extra?: Uint8Array;
}

export interface ZipOptions {
  readonly disk?: number;
  /** How many files the archive claims to have. */
  readonly count?: number;
  readonly comment?: Uint8Array | string;
  /** With the end of a zip64, which claims to have so many. */
  readonly wideCount?: number;
}

/** Stored, unless `data` is packed already and `method` says so. */
export function zip(files: readonly ZipFile[], options: ZipOptions = {}): Buffer {
  const { disk = 0, count = files.length, comment = "", wideCount } = options;
  const [parts, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { data = "", mode = 0o100_644, method = 0, at, extra = "", ...file } of files) {
    const { encrypted, utf8 = true, packed, claims, crc, name, calledThere = name } = file;
    const [bytes, title, own, fields] = [
      Buffer.from(data),
      Buffer.from(name),
      Buffer.from(calledThere),
      Buffer.from(extra),
    ];
    const common = (nameLength: number, extraLength: number) => {
      const head = Buffer.alloc(26);
      head.writeUInt16LE(20, 0);
      head.writeUInt16LE((utf8 ? 0x800 : 0) | (encrypted ? 1 : 0), 2);
      head.writeUInt16LE(method, 4);
      head.writeUInt32LE(crc ?? crc32(bytes), 10);
      head.writeUInt32LE(packed ?? bytes.length, 14);
      head.writeUInt32LE(claims ?? bytes.length, 18);
      head.writeUInt16LE(nameLength, 22);
      head.writeUInt16LE(extraLength, 24);
      return head;
    };
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE((mode << 16) >>> 0, 6);
    attributes.writeUInt32LE(at ?? offset, 10);
    const madeBy = Buffer.from([20, 3]); // Unix
    parts.push(Buffer.from("PK\x03\x04", "latin1"), common(own.length, 0), own, bytes);
    directory.push(Buffer.from("PK\x01\x02", "latin1"), madeBy, common(title.length, fields.length));
    directory.push(attributes, title, fields);
    offset += 30 + own.length + bytes.length;
  }
  const list = Buffer.concat(directory);
  const words = Buffer.from(comment);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(disk, 4);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(words.length, 20);
  const wide = wideCount === undefined ? [] : [wideEnd(wideCount, offset, list.length)];
  return Buffer.concat([...parts, list, ...wide, end, words]);
}

/** What zip64 has in front of the end: that again in wide numbers, and where it is. */
function wideEnd(count: number, start: number, bytes: number): Buffer {
  const record = Buffer.alloc(76);
  record.write("PK\x06\x06", "latin1");
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(bytes), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  record.write("PK\x06\x07", 56, "latin1");
  record.writeBigUInt64LE(BigInt(start + bytes), 64);
  record.writeUInt32LE(1, 72);
  return record;
}

/** A field behind a name in a zip's directory. */
export function zipField(id: number, ...values: readonly (bigint | Uint8Array)[]): Buffer {
  const parts = values.map((value) => {
    if (typeof value !== "bigint") return value;
    const wide = Buffer.alloc(8);
    wide.writeBigUInt64LE(value);
    return wide;
  });
  const content = Buffer.concat(parts);
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(content.length, 2);
  return Buffer.concat([head, content]);
}

export interface TarFile {
  readonly name: string | Uint8Array;
  readonly data?: Uint8Array | string;
  /** As in the header: "0" a file, "1" a hard link, "2" a symlink, "3" a device, "5" a folder, "6" a fifo. */
  readonly type?: string;
  readonly link?: string;
  /** As it stands in the header, if not the length of the data in octal. */
  readonly size?: string | Uint8Array;
  /** False: as the first tars were. */
  readonly ustar?: boolean;
}

export function tar(files: readonly TarFile[], { end = true } = {}): Buffer {
  const parts = files.flatMap(({ name, data = "", type = "0", link = "", size, ustar = true }) => {
    const bytes = Buffer.from(data);
    const header = Buffer.alloc(512);
    header.set(Buffer.from(name), 0);
    header.write("0000644\0", 100);
    header.write("0000000\0", 108);
    header.write("0000000\0", 116);
    header.set(Buffer.from(size ?? `${bytes.length.toString(8).padStart(11, "0")}\0`), 124);
    header.write("00000000000\0", 136);
    header.write("        ", 148);
    header.write(type, 156);
    header.write(link, 157);
    if (ustar) header.write("ustar\x0000", 257, "latin1");
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(end ? 1_024 : 0)]);
}

/** What pax writes in front of a file, or of all that follow ("g"). */
export function pax(records: Readonly<Record<string, string | Uint8Array>>, type = "x"): TarFile {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
    let length = rest.length;
    while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  return { name: "pax", type, data: Buffer.concat(lines) };
}

export const tarGz = (files: readonly TarFile[]) => gzipSync(tar(files));
