import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CallContext } from "../../../../shared/contract.ts";
import { errorBody, toToolError } from "../../../../shared/errors.ts";
import { getCaptions, replaceInCaptions, setCaptions } from "../../../../shared/tools/captions.ts";
import { Trash } from "../../../files/trash.ts";
import { createFolders, type Paths, pathsOf } from "../../../paths.ts";
import { usedBy } from "../../../testing/in-use.ts";
import { trashHandlers } from "../../trash/handlers.ts";
import { Turns } from "../turns.ts";
import { captionHandlers, captionRestorer } from "./handlers.ts";

let base: string;
let paths: Paths;
/** path → job */
let used: Map<string, string>;
let tools: ReturnType<typeof captionHandlers>;
let trashTools: ReturnType<typeof trashHandlers>;
const context: CallContext = { signal: new AbortController().signal, progress: () => {} };

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "captions-")));
  paths = pathsOf({ data: join(base, "data"), datasetRoots: [join(base, "photos")] });
  await createFolders(paths);
  await mkdir(join(base, "photos"));
  used = new Map();
  const inUse = usedBy(used);
  const parts = { paths, inUse, trash: new Trash(paths.trash), turns: new Turns() };
  tools = captionHandlers(parts);
  trashTools = trashHandlers({ trash: parts.trash, restoreCaptions: captionRestorer(parts) });
});

afterEach(() => rm(base, { recursive: true, force: true }));

/** Files below the data sets folder; a picture is whatever is called one. */
async function put(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(paths.datasets, path)), { recursive: true });
    await writeFile(join(paths.datasets, path), content);
  }
}
const textOf = (path: string) => readFile(join(paths.datasets, path), "utf8");

const get = async (input: v.InferInput<typeof getCaptions.input>) =>
  v.parse(
    v.strictObject(getCaptions.output.entries),
    await tools.get_captions(v.parse(getCaptions.input, input), context),
  );
const set = async (
  name: string,
  captions: Readonly<Record<string, string>>,
  options: { readonly force?: boolean } = {},
) => {
  const list = Object.entries(captions).map(([image, caption]) => ({ image, caption }));
  const input = v.parse(setCaptions.input, { name, captions: list, ...options });
  return v.parse(v.strictObject(setCaptions.output.entries), await tools.set_captions(input, context));
};
const replace = async (input: v.InferInput<typeof replaceInCaptions.input>) =>
  v.parse(
    v.strictObject(replaceInCaptions.output.entries),
    await tools.replace_in_captions(v.parse(replaceInCaptions.input, input), context),
  );
const restore = (trash_id?: string) => trashTools.restore_deleted({ trash_id }, context);

async function failure(work: Promise<unknown>): Promise<Record<string, unknown>> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => toToolError(thrown),
  );
  if (!error) throw new Error("It did not fail");
  return errorBody(error);
}

describe("get_captions", () => {
  test("shows every file that is trained with its caption, in order of names", async () => {
    await put({
      "cats/b.png": "",
      "cats/b.txt": "ein Kätzchen",
      "cats/a.jpg": "",
      "cats/sub/c.webp": "",
      "cats/sub/c.txt": "",
      "cats/clip.mp4": "",
      "cats/clip.txt": "a clip",
      "cats/_controls/b.depth.jpg": "",
      "cats/.hidden.png": "",
      "cats/notes.txt": "no caption of anything",
    });
    expect(await get({ name: "cats" })).toEqual({
      name: "cats",
      captions: [
        { image: "a.jpg", caption: null },
        { image: "b.png", caption: "ein Kätzchen" },
        { image: "clip.mp4", caption: "a clip" },
        { image: "sub/c.webp", caption: "" },
      ],
      total: 4,
      next_cursor: null,
    });
  });

  test("pages through all of them, each once, sub-folders between", async () => {
    const names = ["a/1", "a/2", "b", "c/d/1", "c/e", "d"];
    for (const name of names) await put({ [`cats/${name}.png`]: "", [`cats/${name}.txt`]: name });
    for (const filter of [{}, { contains: "" }]) {
      const seen: (string | null)[] = [];
      let cursor: string | undefined;
      do {
        const page = await get({ name: "cats", limit: 2, ...filter, ...(cursor && { cursor }) });
        expect(page.total).toBe(6);
        expect(page.captions.length).toBeLessThanOrEqual(2);
        seen.push(...page.captions.map(({ caption }) => caption));
        cursor = page.next_cursor ?? undefined;
      } while (cursor);
      expect(seen).toEqual(names);
    }
  });

  test("filters by text in any case, and by what has no caption", async () => {
    await put({
      "cats/a.png": "",
      "cats/a.txt": "A Red cat",
      "cats/b.png": "",
      "cats/b.txt": " \n",
      "cats/c.png": "",
      "cats/d.png": "",
      "cats/d.txt": Buffer.from("caf\xe9", "latin1"),
    });
    expect(await get({ name: "cats", contains: "red" })).toMatchObject({
      captions: [{ image: "a.png" }],
      total: 1,
    });
    const { captions, total } = await get({ name: "cats", missing: true });
    expect([captions.map(({ image }) => image), total]).toEqual([["b.png", "c.png"], 2]);
  });

  test("says what is wrong with a caption", async () => {
    await put({
      "cats/a.png": "",
      "cats/a.txt": Buffer.from("caf\xe9", "latin1"),
      "cats/b.png": "",
      "cats/b.txt": "\ufeffa cat",
      "cats/c.png": "",
      "cats/c.txt": "x".repeat(5_000),
      "cats/d.png": "",
      "cats/d.txt": "x".repeat(70_000),
      "cats/e.png": "",
      "cats/e.txt/file": "",
    });
    const { captions } = await get({ name: "cats" });
    expect(captions).toEqual([
      { image: "a.png", caption: null, problem: "not UTF-8" },
      { image: "b.png", caption: "a cat", problem: "begins with a byte order mark" },
      { image: "c.png", caption: "x".repeat(4_000), cut: true },
      { image: "d.png", caption: null, problem: "no file of at most 64 KB" },
      { image: "e.png", caption: null, problem: "no file of at most 64 KB" },
    ]);
  });

  test("a page of long captions ends early, and the next one goes on there", async () => {
    for (let n = 10; n < 30; n++) await put({ [`cats/${n}.png`]: "", [`cats/${n}.txt`]: "x".repeat(3_900) });
    const first = await get({ name: "cats", limit: 200 });
    expect(first.captions).toHaveLength(10);
    const second = await get({ name: "cats", limit: 200, cursor: first.next_cursor ?? "" });
    expect(second.captions[0]?.image).toBe("20.png");
    expect(second.next_cursor).toBeNull();
  });

  test("follows no link out of the folders that data sets may lie in", async () => {
    await writeFile(join(base, "secret.txt"), "a secret");
    await writeFile(join(base, "photos/ours.txt"), "ours");
    await put({ "cats/a.png": "", "cats/b.png": "", "cats/c.png": "" });
    await symlink(join(base, "secret.txt"), join(paths.datasets, "cats/a.txt"));
    await symlink(join(base, "photos/ours.txt"), join(paths.datasets, "cats/b.txt"));
    await symlink(join(base, "nothing.txt"), join(paths.datasets, "cats/c.txt"));
    expect((await get({ name: "cats" })).captions).toEqual([
      { image: "a.png", caption: null, problem: "a link that leads outside" },
      { image: "b.png", caption: "ours" },
      { image: "c.png", caption: null },
    ]);
  });

  test.each(["nothing", "../config", "/etc", ".hidden"])("refuses the name %s", async (name) => {
    expect(["not_found", "invalid_input"]).toContain((await failure(get({ name })))["code"]);
  });
});

describe("set_captions", () => {
  beforeEach(() =>
    put({
      "cats/a.png": "",
      "cats/a.txt": "old a",
      "cats/sub/b.png": "",
      "cats/c.png": "",
      "cats/c.txt": Buffer.from("caf\xe9", "latin1"),
    }),
  );

  test("writes new and changed captions, and restore_deleted brings the old ones back, byte for byte", async () => {
    const answer = await set("cats", { "a.png": "new a", "sub/b.png": "new b", "c.png": "café" });
    expect(answer).toMatchObject({ saved: 3, unchanged: 0, failed: [], trash_id: expect.any(String) });
    expect(await textOf("cats/a.txt")).toBe("new a");
    expect(await textOf("cats/sub/b.txt")).toBe("new b");

    const { restored, deleted } = await restore(answer.trash_id ?? "");
    expect(restored).toEqual({ kind: "captions", name: "cats", paths: [join(paths.datasets, "cats")] });
    expect(await textOf("cats/a.txt")).toBe("old a");
    expect(existsSync(join(paths.datasets, "cats/sub/b.txt"))).toBe(false);
    expect(await readFile(join(paths.datasets, "cats/c.txt"), "latin1")).toBe("caf\xe9");

    // What was replaced by that can be brought back in turn.
    expect(deleted).toHaveLength(1);
    await restore(deleted[0]?.trash_id);
    expect(await textOf("cats/sub/b.txt")).toBe("new b");
  });

  test("what is the same already is not written, and leaves nothing in the trash", async () => {
    expect(await set("cats", { "a.png": "old a" })).toMatchObject({ saved: 0, unchanged: 1, trash_id: null });
    expect((await restore()).deleted).toEqual([]);
  });

  test("a byte order mark goes", async () => {
    await put({ "cats/a.txt": "\ufeffold a" });
    expect(await set("cats", { "a.png": "old a" })).toMatchObject({ saved: 1, unchanged: 0 });
    expect(await textOf("cats/a.txt")).toBe("old a");
  });

  test("each caption that cannot be written is named with its reason, the others are written", async () => {
    await put({ "cats/d.png": "", "cats/d.jpg": "" });
    await symlink("a.txt", join(paths.datasets, "cats/linked.txt"));
    await put({ "cats/linked.png": "" });
    const { saved, failed } = await set("cats", {
      "a.png": "new a",
      "nothing.png": "x",
      "../a.png": "x",
      "/etc/passwd": "x",
      "a.txt": "x",
      "c.png": "x\u0000y",
      "d.jpg": "first",
      "d.png": "second",
      "linked.png": "x",
      "sub/b.png": "\ud800",
    });
    expect(saved).toBe(2);
    expect(failed.map(({ image, reason }) => `${image}: ${reason}`).sort()).toEqual([
      "../a.png: Invalid file name: Path traversal attempt detected: Invalid image file path: parent directory references not allowed",
      "/etc/passwd: Invalid file name: Absolute path not allowed",
      "a.txt: There is no such file in the dataset; get_captions shows them all",
      "c.png: The text has control characters",
      "d.png: It shares its caption with another file of this call",
      "linked.png: Its caption is a link; change what it leads to on the machine itself",
      "nothing.png: There is no such file in the dataset; get_captions shows them all",
      "sub/b.png: The text is not valid Unicode",
    ]);
    expect(await textOf("cats/a.txt")).toBe("new a");
  });

  test("when not one can be written it is a failure", async () => {
    expect(await failure(set("cats", { "x.png": "x" }))).toMatchObject({
      code: "invalid_input",
      error: expect.stringContaining("x.png: There is no such file"),
      failed: [{ image: "x.png" }],
    });
    expect(await failure(set("dogs", { "x.png": "x" }))).toMatchObject({ code: "not_found" });
  });

  test("a data set that a job uses is left alone, unless forced", async () => {
    used.set(join(paths.datasets, "cats"), "job-1");
    expect(await failure(set("cats", { "a.png": "new" }))).toMatchObject({
      code: "conflict",
      error: expect.stringContaining("job-1"),
      hint: expect.stringContaining("force"),
    });
    expect(await textOf("cats/a.txt")).toBe("old a");
    const { trash_id } = await set("cats", { "a.png": "new" }, { force: true });
    expect(await textOf("cats/a.txt")).toBe("new");
    expect(await failure(Promise.resolve(restore(trash_id ?? "")))).toMatchObject({ code: "conflict" });
  });

  test("nothing is written through a folder that is a link", async () => {
    await mkdir(join(base, "elsewhere"));
    await writeFile(join(base, "elsewhere/x.png"), "");
    await symlink(join(base, "elsewhere"), join(paths.datasets, "cats/out"));
    expect(await failure(set("cats", { "out/x.png": "x" }))).toMatchObject({ code: "invalid_input" });
    expect(await readdir(join(base, "elsewhere"))).toEqual(["x.png"]);
  });

  test("captions of a data set that was deleted cannot come back before it does", async () => {
    const { trash_id } = await set("cats", { "a.png": "new" });
    await rm(join(paths.datasets, "cats"), { recursive: true });
    expect(await failure(Promise.resolve(restore(trash_id ?? "")))).toMatchObject({ code: "not_found" });
    expect((await restore()).deleted).toHaveLength(1);
  });
});

describe("replace_in_captions", () => {
  beforeEach(() =>
    put({
      "cats/a.png": "",
      "cats/a.txt": "a cat, a cat",
      "cats/b.png": "",
      "cats/b.txt": "a concat",
      "cats/sub/c.png": "",
      "cats/sub/c.txt": "a dog",
      "cats/d.png": "",
    }),
  );

  test("shows what would change, and writes nothing", async () => {
    expect(await replace({ name: "cats", find: "cat", replace: "tiger", whole_word: true })).toEqual({
      name: "cats",
      dry_run: true,
      captions: 3,
      matches: 2,
      changed: 1,
      examples: [{ image: "a.png", before: "a cat, a cat", after: "a tiger, a tiger" }],
      without_caption: 1,
      trash_id: null,
      next: "Nothing is written yet: call again with dry_run: false",
    });
    expect(await textOf("cats/a.txt")).toBe("a cat, a cat");
  });

  test("writes when told to, and the old captions can come back", async () => {
    const answer = await replace({ name: "cats", prepend: "ohwx, ", contains: "CAT", dry_run: false });
    expect(answer).toMatchObject({ dry_run: false, changed: 2, next: null, trash_id: expect.any(String) });
    expect(await textOf("cats/a.txt")).toBe("ohwx, a cat, a cat");
    expect(await textOf("cats/b.txt")).toBe("ohwx, a concat");
    expect(await textOf("cats/sub/c.txt")).toBe("a dog");
    // Again: nothing is left to do.
    expect(await replace({ name: "cats", prepend: "ohwx, ", contains: "CAT", dry_run: false })).toMatchObject(
      {
        changed: 0,
        trash_id: null,
      },
    );
    await restore(answer.trash_id ?? "");
    expect(await textOf("cats/a.txt")).toBe("a cat, a cat");
  });

  test("one caption that cannot be changed, and none is", async () => {
    await put({ "cats/e.png": "", "cats/e.txt": Buffer.from("caf\xe9", "latin1") });
    await put({ "cats/f.png": "" });
    await symlink("a.txt", join(paths.datasets, "cats/f.txt"));
    const change = { name: "cats", find: "cat", replace: "dog" };
    expect((await replace(change)).warnings).toEqual([
      "Captions that stand in the way: e.png: not UTF-8; f.png: its caption is a link",
    ]);
    expect(await failure(replace({ ...change, dry_run: false }))).toMatchObject({
      code: "invalid_input",
      error: expect.stringContaining("Nothing was changed"),
      hint: expect.stringContaining("set_captions"),
    });
    expect(await textOf("cats/a.txt")).toBe("a cat, a cat");
    expect((await restore()).deleted).toEqual([]);
  });

  test("two files that share a caption change it once", async () => {
    await put({ "cats/a.jpg": "" });
    expect(await replace({ name: "cats", append: "!", dry_run: false })).toMatchObject({
      captions: 3,
      changed: 3,
    });
    expect(await textOf("cats/a.txt")).toBe("a cat, a cat!");
  });

  test("a job that uses the data set is no reason against a dry run", async () => {
    used.set(join(paths.datasets, "cats"), "job-1");
    const change = { name: "cats", find: "cat" };
    expect(await replace(change)).toMatchObject({ changed: 2 });
    expect(await failure(replace({ ...change, dry_run: false }))).toMatchObject({ code: "conflict" });
    expect(await replace({ ...change, dry_run: false, force: true })).toMatchObject({ changed: 2 });
  });

  test("a cancelled call changes nothing", async () => {
    const cancelled = { signal: AbortSignal.abort(), progress: () => {} };
    const input = v.parse(replaceInCaptions.input, { name: "cats", find: "cat", dry_run: false });
    await expect(tools.replace_in_captions(input, cancelled)).rejects.toMatchObject({ name: "AbortError" });
    expect(await textOf("cats/a.txt")).toBe("a cat, a cat");
  });

  test.each([{}, { find: "a\u0001", prepend: "\u0001" }, { replace: "x" }])("refuses %j", async (input) => {
    expect(await failure(replace({ name: "cats", ...input }))).toMatchObject({ code: "invalid_input" });
  });

  test("more captions than are written at a time change in one call", async () => {
    const many = Array.from({ length: 200 }, (_, n) => `many/${n}`);
    await put(
      Object.fromEntries(
        many.flatMap((path) => [
          [`${path}.png`, ""],
          [`${path}.txt`, "a cat"],
        ]),
      ),
    );
    expect(await replace({ name: "many", find: "cat", replace: "dog", dry_run: false })).toMatchObject({
      captions: 200,
      changed: 200,
    });
    expect(await textOf("many/199.txt")).toBe("a dog");
    expect((await readdir(join(paths.datasets, "many"))).length).toBe(400);
  });
});
