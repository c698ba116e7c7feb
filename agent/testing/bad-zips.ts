// For tests: zips that are refused as a whole, and a word of why.
import { readFileSync } from "node:fs";
import { crc32, deflateRawSync } from "node:zlib";
import { type BadArchive, type ZipFile, type ZipOptions, zip, zipField } from "./archives.ts";
import { randomBytes } from "./downloads.suite.ts";
import { picturePath } from "./subject.ts";

const MIB = 1024 * 1024;
const jpeg = readFileSync(picturePath("img1.jpg"));
const flat = Buffer.alloc(64 * MIB);
/** In a number of 32 bits: it stands elsewhere, in one of 64. */
const WIDE = 0xffff_ffff;
const EMPTY_END = zip([]);

/** A zip of one picture that is like any other, but for this. */
const odd = (more: Partial<ZipFile>, options: ZipOptions = {}) =>
  zip([{ name: "a.jpg", data: jpeg, ...more }], options);

/** Each file lies in the one before (David Fifield, "A better zip bomb"). */
function nested(): Buffer {
  const inner = zip([{ name: "b.mp4", data: jpeg }]).subarray(0, 35 + jpeg.length);
  return zip([
    { name: "a.mp4", data: inner },
    { name: "b.mp4", at: 35, packed: jpeg.length, claims: jpeg.length, crc: crc32(jpeg) },
  ]);
}

export const BAD_ZIPS: readonly BadArchive[] = [
  ["traversal in a zip", () => zip([{ name: "../evil.jpg", data: jpeg }]), "leads out"],
  ["an absolute path in a zip", () => zip([{ name: "/etc/evil.jpg", data: jpeg }]), "leads out"],
  ["a backslash that leads out", () => zip([{ name: "..\\evil.jpg", data: jpeg }]), "leads out"],
  [
    "a symlink in a zip",
    () => zip([{ name: "a.jpg", data: "/etc/passwd", mode: 0o120_777 }]),
    "link or a device",
  ],
  [
    "an encrypted zip",
    () => zip([{ name: "a.jpg", data: jpeg, encrypted: true, claims: jpeg.length - 12 }]),
    "encrypt",
  ],
  ["one part of several", () => zip([{ name: "a.jpg", data: jpeg }], { disk: 1 }), "multi-disk"],
  [
    "names that differ in case",
    () =>
      zip([
        { name: "a.jpg", data: jpeg },
        { name: "A.JPG", data: jpeg },
      ]),
    "only in case",
  ],
  [
    "folders that differ in case",
    () =>
      zip([
        { name: "x/a.jpg", data: jpeg },
        { name: "X/b.jpg", data: jpeg },
      ]),
    "only in case",
  ],
  [
    "names that differ in accents' form",
    () =>
      zip([
        { name: "\u00e4.jpg", data: jpeg },
        { name: "a\u0308.jpg", data: jpeg },
      ]),
    "only in case or accents",
  ],
  [
    "the same name twice",
    () =>
      zip([
        { name: "a.jpg", data: jpeg },
        { name: "a.jpg", data: jpeg },
      ]),
    "twice",
  ],
  [
    "a zip bomb",
    () => zip([{ name: "a.mp4", data: deflateRawSync(flat), method: 8, claims: flat.length }]),
    "times its size",
  ],
  [
    "a zip that lies about its size",
    () => zip([{ name: "a.mp4", data: deflateRawSync(flat), method: 8, claims: 1_000 }]),
    "too many bytes",
  ],
  [
    "parts that overlap",
    () =>
      zip(
        [
          { name: "a.mp4", data: randomBytes(MIB) },
          { name: "b.mp4", at: 0, data: "" },
        ].map((each, index) => ({ ...each, ...(index === 1 && { claims: MIB }) })),
      ),
    "",
  ],
  ["a zip that is cut off", () => zip([{ name: "a.jpg", data: jpeg }]).subarray(0, -30), ""],
  [
    "a zip with a damaged file",
    () => {
      const archive = zip([{ name: "a.jpg", data: jpeg }]);
      archive.writeUInt8(archive.readUInt8(1_000) ^ 1, 1_000);
      return archive;
    },
    "checksum",
  ],
  [
    "a zip whose small file lies about its size",
    () => zip([{ name: "a.txt", data: deflateRawSync(flat.subarray(0, 60_000)), method: 8, claims: 1_000 }]),
    "too many bytes",
  ],
  [
    "a zip whose file is shorter than it says",
    () => zip([{ name: "a.txt", data: deflateRawSync("short"), method: 8, claims: 1_000 }]),
    "shorter",
  ],
  ["a directory that points to nothing", () => zip([{ name: "a.jpg", data: jpeg, at: 9 }]), "directory"],
  ["nothing to train on", () => zip([{ name: "README.md", data: "x" }]), "nothing in it"],
  ["files that lie in one another", nested, "overlap"],
  ["a file whose own header has another name", () => odd({ calledThere: "b.jpg" }), "another name for b.jpg"],
  ["a zip with a second end in its comment", () => odd({}, { comment: EMPTY_END }), "two ends"],
  ["two zips, one behind the other", () => Buffer.concat([odd({}), odd({})]), "something was put before"],
  [
    "a zip with something behind it",
    () => Buffer.concat([odd({}), Buffer.from("more")]),
    "something follows",
  ],
  ["a zip with fewer files than it says", () => odd({}, { count: 2 }), "directory is damaged"],
  ["a zip whose two ends differ", () => odd({}, { count: 1, wideCount: 2 }), "directory is damaged"],
  [
    "a wide size that is nowhere",
    () => odd({ claims: WIDE, extra: zipField(0x7075, Buffer.from("x")) }),
    "directory is damaged",
  ],
  [
    "a wide size beyond all disks",
    () => odd({ claims: WIDE, extra: zipField(1, 2n ** 62n) }),
    "more bytes than any disk has",
  ],
  [
    "a zip that lies behind itself",
    () => odd({ at: WIDE, extra: zipField(1, 2n ** 40n) }),
    "cut off, or its parts overlap",
  ],
  ...[9, 12, 14, 93, 95].map(
    (method): BadArchive => [
      `a zip packed by method ${method}`,
      () => odd({ method }),
      "only few programs know",
    ],
  ),
  ["a zip encrypted by AES", () => odd({ encrypted: true, method: 99 }), "encrypted"],
  ["a name with a NUL", () => odd({ name: "a.jpg\0.txt" }), "control characters"],
  ["a drive's letter", () => odd({ name: "C:/a.jpg" }), "leads out"],
  [
    "a name longer than any path",
    () => odd({ name: `${"d/".repeat(10_000)}a.jpg` }),
    "longer than 1024 bytes",
  ],
];
