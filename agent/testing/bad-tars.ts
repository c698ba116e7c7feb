// For tests: tars, plain and packed, that are refused as a whole, and a word of why.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type BadArchive, pax, tar, tarGz } from "./archives.ts";
import { picturePath } from "./subject.ts";

const jpeg = readFileSync(picturePath("img1.jpg"));
const flat = Buffer.alloc(64 * 1024 * 1024);
const PICTURE = { name: "a.jpg", data: jpeg };

/** The same with another byte at `position`. */
function damaged(archive: Buffer, position: number): Buffer {
  const copy = Buffer.from(archive);
  copy.writeUInt8((copy.at(position) ?? 0) ^ 1, position < 0 ? copy.length + position : position);
  return copy;
}

export const BAD_TARS: readonly BadArchive[] = [
  ["traversal in a tar", () => tar([{ name: "../evil.jpg", data: jpeg }]), "leads out"],
  ["an absolute path in a tar", () => tar([{ name: "/tmp/evil.jpg", data: jpeg }]), "leads out"],
  ["a symlink in a tar", () => tar([{ name: "a.jpg", type: "2", link: "/etc/passwd" }]), "link or a device"],
  [
    "a hard link in a tar",
    () => tar([{ name: "a.jpg", type: "1", link: "/etc/passwd" }]),
    "--hard-dereference",
  ],
  ["a device in a tar", () => tarGz([{ name: "a.jpg", type: "3" }]), "link or a device"],
  ["a fifo in a tar", () => tar([{ name: "a.jpg", type: "6" }]), "link or a device"],
  ["a tar that is cut off", () => tar([{ name: "a.jpg", data: jpeg }]).subarray(0, 900), ""],
  ["a gzip bomb", () => gzipSync(tar([{ name: "a.mp4", data: flat }])), "times its size"],
  ["a gzip that is cut off", () => tarGz([{ name: "a.jpg", data: jpeg }]).subarray(0, -20), ""],
  ["a tar that is packed twice", () => gzipSync(tarGz([{ name: "a.jpg", data: jpeg }])), "no tar"],
  [
    "a tar with a folder where a file is",
    () =>
      tar([
        { name: "a.jpg", data: jpeg },
        { name: "a.jpg/b.jpg", data: jpeg },
      ]),
    "comes twice",
  ],
  ["a longer path that leads out", () => tar([pax({ path: "../evil.jpg" }), PICTURE]), "leads out"],
  [
    "GNU's longer path that leads out",
    () => tar([{ name: "././@LongLink", type: "L", data: "../evil.jpg\0" }, PICTURE]),
    "leads out",
  ],
  [
    "a symlink whose target is longer",
    () => tar([pax({ linkpath: "/etc/passwd" }), { name: "a.jpg", type: "2" }]),
    "link or a device",
  ],
  ["a block device in a tar", () => tar([{ name: "a.jpg", type: "4" }]), "link or a device"],
  ["one path for all files", () => tar([pax({ path: "b.jpg" }, "g"), PICTURE]), "for all files"],
  ["a file with holes as GNU had them", () => tar([{ ...PICTURE, type: "S" }]), "sparse"],
  [
    "a file with holes",
    () => tar([pax({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0" }), PICTURE]),
    "sparse",
  ],
  ["the second part of a file", () => tar([{ ...PICTURE, type: "M" }]), "multi-volume"],
  ["a kind of file that nobody knows", () => tar([{ ...PICTURE, type: "Z" }]), "only few programs know"],
  ["a size below zero", () => tar([{ ...PICTURE, size: Buffer.alloc(12, 0xff) }]), "a size in it"],
  [
    "a size beyond all disks",
    () => tar([{ ...PICTURE, size: Buffer.from("800000000004000000000000", "hex") }]),
    "times its size",
  ],
  ["a size that is no number", () => tar([{ ...PICTURE, size: "9999" }]), "a size in it"],
  ["a longer size that is no number", () => tar([pax({ size: "1e3" }), PICTURE]), "no number"],
  ["a longer size than there is", () => tar([pax({ size: "5000000" }), PICTURE]), "cut off"],
  [
    "a header that nobody can read",
    () => tar([{ name: "pax", type: "x", data: "99 path=b.jpg\n" }, PICTURE]),
    "nobody can read",
  ],
  [
    "a header that is larger than any name",
    () => tarGz([{ name: "pax", type: "x", data: flat.subarray(0, 2 * 1024 * 1024) }, PICTURE]),
    "larger than any name",
  ],
  [
    "a path of many folders",
    () => tar([pax({ path: `${"d/".repeat(10_000)}a.jpg` }), PICTURE]),
    "longer than",
  ],
  ["a path with a NUL", () => tar([pax({ path: "a\0b.jpg" }), PICTURE]), "control characters"],
  ["a drive's letter in a tar", () => tar([{ ...PICTURE, name: "C:\\a.jpg" }]), "leads out"],
  ["a tar without its end", () => tar([PICTURE], { end: false }), "cut off"],
  ["a tar behind another", () => Buffer.concat([tar([PICTURE]), tar([PICTURE])]), "another archive follows"],
  ["a tar with a damaged header", () => damaged(tar([PICTURE, PICTURE]), 3_072 + 20), "checksum"],
  ["a gzip with a wrong checksum", () => damaged(tarGz([PICTURE]), -8), "incorrect data check"],
  ["a gzip without its checksum", () => tarGz([PICTURE]).subarray(0, -8), "unexpected end"],
  [
    "a gzip with something behind it",
    () => Buffer.concat([tarGz([PICTURE]), Buffer.from("more")]),
    "damaged",
  ],
  ["a gzip of no tar", () => gzipSync("a poem"), "no tar"],
  ["a gzip of an empty tar", () => gzipSync(Buffer.alloc(10_240)), "nothing in it"],
];
