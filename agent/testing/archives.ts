// For tests: archives of every kind, also such as no program makes.
import { crc32, gzipSync } from "node:zlib";

export interface ZipFile {
  readonly name: string;
  readonly data?: Uint8Array | string;
  readonly encrypted?: boolean;
  /** Unix mode with the file type. */
  readonly mode?: number;
  readonly method?: number;
  /** What the archive claims that it unpacks to. */
  readonly claims?: number;
  /** Of what it unpacks to; needed where `data` is packed. */
  readonly crc?: number;
  /** Where the archive claims that it lies. */
  readonly at?: number;
}

/** Stored, unless `data` is packed already and `method` says so. */
export function zip(files: readonly ZipFile[], { disk = 0 } = {}): Buffer {
  const [parts, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, data = "", encrypted, mode = 0o100_644, method = 0, claims, crc, at } of files) {
    const bytes = Buffer.from(data);
    const title = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800 | (encrypted ? 1 : 0), 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc ?? crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(claims ?? bytes.length, 18);
    common.writeUInt16LE(title.length, 22);
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE((mode << 16) >>> 0, 6);
    attributes.writeUInt32LE(at ?? offset, 10);
    const madeBy = Buffer.from([20, 3]); // Unix
    parts.push(Buffer.from("PK\x03\x04", "latin1"), common, title, bytes);
    directory.push(Buffer.from("PK\x01\x02", "latin1"), madeBy, common, attributes, title);
    offset += 30 + title.length + bytes.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(disk, 4);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}

export interface TarFile {
  readonly name: string;
  readonly data?: Uint8Array | string;
  /** As in the header: "0" a file, "1" a hard link, "2" a symlink, "3" a device, "5" a folder, "6" a fifo. */
  readonly type?: string;
  readonly link?: string;
}

export function tar(files: readonly TarFile[]): Buffer {
  const parts = files.flatMap(({ name, data = "", type = "0", link = "" }) => {
    const bytes = Buffer.from(data);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write("0000644\0", 100);
    header.write("0000000\0", 108);
    header.write("0000000\0", 116);
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0", 136);
    header.write("        ", 148);
    header.write(type, 156);
    header.write(link, 157);
    header.write("ustar\x0000", 257, "latin1");
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1_024)]);
}

export const tarGz = (files: readonly TarFile[]) => gzipSync(tar(files));
