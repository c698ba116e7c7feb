// For tests: archives that are refused as a whole, and a word of why.
import { readFileSync } from "node:fs";
import { deflateRawSync, gzipSync } from "node:zlib";
import { tar, tarGz, zip } from "./archives.ts";
import { randomBytes } from "./downloads.suite.ts";
import { picturePath } from "./subject.ts";

const MIB = 1024 * 1024;
const jpeg = readFileSync(picturePath("img1.jpg"));
const flat = Buffer.alloc(64 * MIB);

/** What it is, how it is made, and what the refusal says. */
export const BAD_ARCHIVES: readonly [string, () => Buffer, string][] = [
  ["traversal in a zip", () => zip([{ name: "../evil.jpg", data: jpeg }]), "relative path"],
  ["an absolute path in a zip", () => zip([{ name: "/etc/evil.jpg", data: jpeg }]), "absolute path"],
  ["a backslash that leads out", () => zip([{ name: "..\\evil.jpg", data: jpeg }]), "relative path"],
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
  ["traversal in a tar", () => tar([{ name: "../evil.jpg", data: jpeg }]), "leads out"],
  ["an absolute path in a tar", () => tar([{ name: "/tmp/evil.jpg", data: jpeg }]), "leads out"],
  ["a symlink in a tar", () => tar([{ name: "a.jpg", type: "2", link: "/etc/passwd" }]), "link or a device"],
  [
    "a hard link in a tar",
    () => tar([{ name: "a.jpg", type: "1", link: "/etc/passwd" }]),
    "link or a device",
  ],
  ["a device in a tar", () => tarGz([{ name: "a.jpg", type: "3" }]), "link or a device"],
  ["a fifo in a tar", () => tar([{ name: "a.jpg", type: "6" }]), "link or a device"],
  ["a tar that is cut off", () => tar([{ name: "a.jpg", data: jpeg }]).subarray(0, 900), ""],
  ["a gzip bomb", () => gzipSync(tar([{ name: "a.mp4", data: flat }])), "times its size"],
  ["a gzip that is cut off", () => tarGz([{ name: "a.jpg", data: jpeg }]).subarray(0, -20), ""],
  ["a tar that is packed twice", () => gzipSync(tarGz([{ name: "a.jpg", data: jpeg }])), "no tar"],
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
  [
    "a tar with a folder where a file is",
    () =>
      tar([
        { name: "a.jpg", data: jpeg },
        { name: "a.jpg/b.jpg", data: jpeg },
      ]),
    "comes twice",
  ],
  ["another kind of archive", () => Buffer.from("Rar!\x1a\x07 and more"), "rar archive"],
  ["no archive at all", () => randomBytes(4_096), "nothing in it that ai-toolkit trains on"],
  ["nothing", () => Buffer.alloc(0), "empty"],
  ["nothing to train on", () => zip([{ name: "README.md", data: "x" }]), "nothing in it"],
];
