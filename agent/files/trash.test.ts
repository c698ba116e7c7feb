import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closing, folderInside } from "./sandbox.ts";
import { RETENTION_DAYS, Trash } from "./trash.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const SHM = "/dev/shm";
const hasSecondFileSystem = existsSync(SHM) && statSync(SHM).dev !== statSync(tmpdir()).dev;

let data: string;
let bin: string;
let today: number;
let trash: Trash;

async function start(binParent: string): Promise<void> {
  data = await realpath(await mkdtemp(join(tmpdir(), "trash-data-")));
  bin = await realpath(await mkdtemp(join(binParent, "trash-bin-")));
  today = Date.parse("2026-01-01T00:00:00Z");
  trash = new Trash(bin, () => new Date(today));
}

afterEach(async () => {
  await rm(data, { recursive: true, force: true });
  await rm(bin, { recursive: true, force: true });
});

const put = async (names: readonly string[]) =>
  closing(await folderInside(data, "", "dataset"), (folder) => trash.put("dataset", "set", folder, names));

function behaviour(): void {
  test("a folder moves into the trash with all it holds, and the entry says where it came from", async () => {
    await mkdir(join(data, "set/sub"), { recursive: true });
    await writeFile(join(data, "set/sub/a.txt"), "caption");
    await utimes(join(data, "set/sub/a.txt"), 1_000, 1_000);
    await symlink("/etc/hostname", join(data, "set/link"));
    const id = await put(["set"]);

    expect(await readdir(data)).toEqual([]);
    const [entry, ...others] = await trash.list();
    expect(others).toEqual([]);
    expect(entry).toEqual({
      id,
      kind: "dataset",
      name: "set",
      paths: [join(data, "set")],
      deleted_at: "2026-01-01T00:00:00.000Z",
    });
    const kept = entry ? trash.contentPath(entry, join(data, "set")) : "";
    expect(await readFile(join(kept, "sub/a.txt"), "utf8")).toBe("caption");
    expect((await stat(join(kept, "sub/a.txt"))).mtimeMs).toBe(1_000_000);
    expect(await readlink(join(kept, "link"))).toBe("/etc/hostname");
  });

  test("a symlink moves itself, never what it leads to", async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), "trash-elsewhere-"));
    await writeFile(join(elsewhere, "precious"), "");
    await symlink(elsewhere, join(data, "link"));
    const id = await put(["link"]);
    expect(await readdir(data)).toEqual([]);
    expect(await readdir(elsewhere)).toEqual(["precious"]);
    expect(await readlink(join(bin, id, "content/link"))).toBe(elsewhere);
    await rm(elsewhere, { recursive: true });
  });

  test("of several things all move or none", async () => {
    await writeFile(join(data, "a"), "a");
    await writeFile(join(data, "b"), "b");
    await expect(put(["a", "b", "missing"])).rejects.toMatchObject({ code: "ENOENT" });
    expect((await readdir(data)).sort()).toEqual(["a", "b"]);
    expect(await readdir(bin)).toEqual([]);
  });
}

describe("on the same file system", () => {
  beforeEach(() => start(tmpdir()));
  behaviour();

  test("the newest entry comes first, and what is no entry is left out", async () => {
    for (const name of ["a", "b"]) {
      await writeFile(join(data, name), "");
      await put([name]);
      today += DAY_MS;
    }
    await mkdir(join(bin, "being-made"));
    await writeFile(join(bin, "a-file"), "");
    await mkdir(join(bin, "broken"));
    await writeFile(join(bin, "broken/entry.json"), "{");
    expect((await trash.list()).map((entry) => entry.paths)).toEqual([[join(data, "b")], [join(data, "a")]]);
  });

  test("an entry that calls itself by another id is not trusted", async () => {
    await writeFile(join(data, "a"), "");
    const id = await put(["a"]);
    const text = await readFile(join(bin, id, "entry.json"), "utf8");
    await writeFile(join(bin, id, "entry.json"), text.replaceAll(id, "../../elsewhere"));
    expect(await trash.list()).toEqual([]);
  });

  test("things are kept for the retention time and no longer", async () => {
    await writeFile(join(data, "old"), "");
    await put(["old"]);
    today += DAY_MS;
    await writeFile(join(data, "new"), "");
    await put(["new"]);
    today += (RETENTION_DAYS - 1) * DAY_MS;
    expect(await trash.purge()).toBe(0);
    today += 1;
    expect(await trash.purge()).toBe(1);
    expect((await trash.list()).map((entry) => entry.paths)).toEqual([[join(data, "new")]]);
    expect(await readdir(bin)).toHaveLength(1);
  });
});

describe.skipIf(!hasSecondFileSystem)("with the trash on another file system", () => {
  beforeEach(() => start(SHM));
  behaviour();

  test("a copy that fails leaves the thing where it was", async () => {
    await mkdir(join(data, "set"));
    await writeFile(join(data, "set/a"), "a");
    await mkdir(join(data, "set/deep"));
    // A fifo has no content that could be copied.
    execFileSync("mkfifo", [join(data, "set/deep/fifo")]);
    await expect(put(["set"])).rejects.toThrow();
    expect((await readdir(join(data, "set"))).sort()).toEqual(["a", "deep"]);
    expect(await readdir(data)).toEqual(["set"]);
    expect(await readdir(bin)).toEqual([]);
  });
});
