// Archives that honest programs make, and that are unlike others: what is in them is unpacked, under its name.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { pax, type TarFile, tar, tarGz, type ZipFile, zip, zipField } from "../../testing/archives.ts";
import { randomBytes } from "../../testing/downloads.suite.ts";
import { picturePath } from "../../testing/subject.ts";
import { ENTRIES_MAX, Intake } from "./intake.ts";
import { Tree } from "./tree.ts";
import { unpack } from "./unpack.ts";
import { zipEntries } from "./zip-directory.ts";
import { ZipReader } from "./zip-reader.ts";

const jpeg = await readFile(picturePath("img1.jpg"));
const PICTURE = { name: "a.jpg", data: jpeg };
const WIDE = 0xffff_ffff;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "aitk-odd-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

/** Path → content, of all files below. */
async function filesIn(root: string): Promise<Record<string, Buffer>> {
  const found: Record<string, Buffer> = {};
  for (const path of (await readdir(root, { recursive: true })).sort())
    if ((await stat(join(root, path))).isFile()) found[path] = await readFile(join(root, path));
  return found;
}

async function unpacked(archive: Buffer | string): Promise<Record<string, Buffer>> {
  const path = typeof archive === "string" ? archive : join(folder, "archive");
  if (typeof archive !== "string") await writeFile(path, archive);
  const intake = new Intake();
  const tree = await Tree.make(join(folder, "tree"), intake, new AbortController().signal);
  await unpack({ path, name: "" }, tree);
  await tree.settled();
  expect(intake.report).toMatchObject({ failed: [], skipped: [] });
  return await filesIn(tree.path);
}

const odd = (more: Partial<ZipFile>) => zip([{ ...PICTURE, ...more }]);
const large = (offset: number) => ({
  claims: WIDE,
  packed: WIDE,
  at: WIDE,
  extra: zipField(1, BigInt(jpeg.length), BigInt(jpeg.length), BigInt(offset)),
});
const size256 = (bytes: number) => Buffer.from(`80${bytes.toString(16).padStart(22, "0")}`, "hex");
const gzips = (archive: Buffer, at: number) =>
  Buffer.concat([gzipSync(archive.subarray(0, at)), gzipSync(archive.subarray(at))]);
/** As old Unixes write it: with blanks in front. */
const blankChecksum = (archive: Buffer) => {
  const sum = Number.parseInt(archive.toString("latin1", 148, 154), 8).toString(8);
  archive.write(`${sum.padStart(6, " ")}\0 `, 148, "latin1");
  return archive;
};

test.each<[string, () => Buffer, string]>([
  ["a small zip with the numbers of zip64", () => odd(large(0)), "a.jpg"],
  ["a zip with both ends", () => zip([PICTURE], { count: 0xffff, wideCount: 1 }), "a.jpg"],
  ["a zip with a comment", () => zip([PICTURE], { comment: "by hand" }), "a.jpg"],
  ["a zip whose comment speaks of its end", () => zip([PICTURE], { comment: "PK\x05\x06 ends it" }), "a.jpg"],
  ["a zip that is filled up with zeros", () => Buffer.concat([odd({}), Buffer.alloc(9_000)]), "a.jpg"],
  [
    "a zip that does not say that its names are UTF-8",
    () => odd({ name: "bär.jpg", utf8: false }),
    "bär.jpg",
  ],
  [
    "a zip with a name of DOS",
    () => odd({ name: Buffer.from("b\x84r.jpg", "latin1"), utf8: false }),
    "bär.jpg",
  ],
  ["a zip with folders as Windows writes them", () => odd({ name: "b\\a.jpg" }), "b/a.jpg"],
  [
    "a zip with a second name, of Unicode",
    () => {
      const crc = Buffer.alloc(4);
      crc.writeUInt32LE(crc32("b_r.jpg"));
      return odd({ name: "b_r.jpg", extra: zipField(0x7075, Buffer.of(1), crc, Buffer.from("bär.jpg")) });
    },
    "bär.jpg",
  ],
  ["a tar of the first kind", () => tar([{ ...PICTURE, type: "\0", ustar: false }]), "a.jpg"],
  ["a tar with blanks in its checksum", () => blankChecksum(tar([PICTURE])), "a.jpg"],
  [
    "a tar with a name of Latin 1",
    () => tar([{ ...PICTURE, name: Buffer.from("b\xe4r.jpg", "latin1") }]),
    "bär.jpg",
  ],
  ["a tar with a binary size", () => tar([{ ...PICTURE, size: size256(jpeg.length) }]), "a.jpg"],
  ["a tar with a longer name", () => tar([pax({ path: "bär.jpg", comment: "x" }), PICTURE]), "bär.jpg"],
  [
    "a tar with a longer size",
    () => tar([pax({ size: String(jpeg.length) }), { ...PICTURE, size: "0" }]),
    "a.jpg",
  ],
  ["a tar with a word for all files", () => tar([pax({ comment: "of a commit" }, "g"), PICTURE]), "a.jpg"],
  [
    "a tar with a longer name of GNU",
    () => tar([{ name: "x", type: "L", data: "b/c.jpg\0" }, PICTURE]),
    "b/c.jpg",
  ],
  ["a tar with a label", () => tar([{ name: "backup", type: "V" }, PICTURE]), "a.jpg"],
  [
    "a tar whose folder tells a size",
    () => tar([{ name: "b/", type: "5", size: "00000010000" }, PICTURE]),
    "a.jpg",
  ],
  ["a tar with one block of zeros at its end", () => tar([PICTURE]).subarray(0, -512), "a.jpg"],
  ["a gzip of several parts", () => gzips(tar([PICTURE]), 700), "a.jpg"],
  [
    "a gzip that is filled up with zeros",
    () => Buffer.concat([tarGz([PICTURE]), Buffer.alloc(9_000)]),
    "a.jpg",
  ],
  ["a name that Windows does not take", () => tar([{ ...PICTURE, name: "aux. /con.jpg" }]), "aux. /con.jpg"],
])("%s", async (_what, make, name) => {
  expect(await unpacked(make())).toEqual({ [name]: jpeg });
});

test("a header that names the next file is taken as a whole, wherever the pieces end that it comes in", async () => {
  const deep = (count: number): TarFile[] => {
    const path = `${"画".repeat(80)}/${"像".repeat(80)}/${"猫".repeat(70)}${count}.txt`;
    return [pax({ path }), { name: "x", data: "x".repeat(count % 700) }];
  };
  const files = Array.from({ length: 500 }, (_none, count) => deep(count)).flat();
  const found = Object.entries(await unpacked(tarGz(files)));
  expect(found).toHaveLength(500);
  for (const [path, { length }] of found)
    expect(Number(/^画{80}\/像{80}\/猫{70}(\d+)\.txt$/.exec(path)?.[1]) % 700).toBe(length);
});

/** macOS's own program counts in 16 bits. */
test("a zip of more files than its end can say is read to its end", async () => {
  const path = join(folder, "many.zip");
  const files = Array.from({ length: 0x1_0003 }, (_none, count) => ({ name: `${count}.txt` }));
  await writeFile(path, zip(files, { count: 3 }));
  const handle = await open(path);
  onTestFinished(() => handle.close());
  let count = 0;
  for await (const _entry of zipEntries(new ZipReader(handle, (await handle.stat()).size))) count += 1;
  expect(count).toBe(0x1_0003);
});

describe("one file more than there may be is refused", () => {
  const names = Array.from({ length: ENTRIES_MAX + 1 }, (_none, count) => ({ name: `${count}.txt` }));
  test.each<[string, () => Buffer]>([
    ["in a zip", () => zip(names, { count: 0xffff, wideCount: names.length })],
    ["in a tar", () => tar(names.map(({ name }) => ({ name, type: "5" })))],
  ])("%s", async (_where, make) => {
    await expect(unpacked(make())).rejects.toThrow(`more than ${ENTRIES_MAX}`);
  });
});

/** Files, and folders of them, that are put into `source`. */
async function putSource(source: string): Promise<void> {
  const long = `${"x".repeat(90)}/${"ü".repeat(70)}`;
  for (const each of ["sub", long]) await mkdir(join(source, each), { recursive: true });
  await writeFile(join(source, "bär.jpg"), jpeg);
  await writeFile(join(source, "film.mp4"), randomBytes(1_000_000));
  await writeFile(join(source, "words.txt"), "the same words ".repeat(20_000));
  await writeFile(join(source, "sub/a.jpg"), jpeg);
  await writeFile(join(source, "sub/empty.txt"), "");
  await writeFile(join(source, long, `${"猫".repeat(60)}.jpg`), jpeg);
}

const PYTHON = `
import os, sys, zipfile
class Pipe:
    def write(self, data): return sys.stdout.buffer.write(data)
    def flush(self): pass
with zipfile.ZipFile(Pipe(), "w", METHOD) as z:
    for folder, _, names in os.walk("."):
        for name in names:
            path = os.path.join(folder, name)
            with z.open(os.path.relpath(path), "w", force_zip64=WIDE) as out, open(path, "rb") as file: out.write(file.read())
`;
const python = (method: string, wide: string) =>
  `python3 -c '${PYTHON.replace("METHOD", method).replace("WIDE", wide)}'`;

/** Each writes an archive of the folder it runs in to its output. */
const LINES: readonly [string, string, string][] = [
  ["zip", "into a pipe", "zip -qr - ."],
  ["zip", "into a pipe, stored", "zip -qr -0 - ."],
  ["zip", "into a file", "zip -qr ../x.zip . && cat ../x.zip"],
  ["zip", "with zip64", "zip -qr -fz ../x.zip . && cat ../x.zip"],
  ["python3", "into a pipe", python("zipfile.ZIP_DEFLATED", "False")],
  ["python3", "into a pipe, stored", python("zipfile.ZIP_STORED", "False")],
  ["python3", "with zip64", python("zipfile.ZIP_DEFLATED", "True")],
  ["tar", "as GNU", "tar --format=gnu -cf - ."],
  ["tar", "as GNU in old times", "tar --format=oldgnu -cf - ."],
  ["tar", "with pax", "tar --format=posix -cf - ."],
  ["tar", "with gzip", "tar -czf - ."],
  ["bsdtar", "with pax", "bsdtar --format pax -cf - ."],
  ["bsdtar", "as GNU", "bsdtar --format gnutar -cf - ."],
  ["bsdtar", "as a zip", "bsdtar --format zip -cf - ."],
  ["bsdtar", "as a zip with zip64", "bsdtar --format zip --options zip:zip64 -cf - ."],
];

const isThere = (tool: string) => spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;

describe("what this machine's programs make", () => {
  for (const [tool, how, line] of LINES)
    test.skipIf(!isThere(tool))(`${tool}, ${how}`, async () => {
      const source = join(folder, "source");
      await putSource(source);
      const env = { ...process.env, LC_ALL: "C.UTF-8" };
      const path = join(folder, "made");
      await writeFile(path, execFileSync("sh", ["-c", line], { cwd: source, env, maxBuffer: 10_000_000 }));
      expect(await unpacked(path)).toEqual(await filesIn(source));
    });
});

test("a file may look like a zip, and lie in one", async () => {
  const inner = zip([{ name: "b.txt", data: "inner" }]);
  expect(await unpacked(zip([{ name: "a.txt", data: inner }]))).toEqual({ "a.txt": inner });
});
