import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import sharp from "sharp";
import * as v from "valibot";
import { afterEach, beforeEach, expect, test } from "vitest";
import { viewDataset } from "../../../../shared/tools/dataset-view.ts";
import { serving } from "../../../current-call.ts";
import { createFolders, type Paths, pathsOf } from "../../../paths.ts";
import { PICTURE_BYTES_MAX } from "../../../pictures/small-jpeg.ts";
import { datasetViewHandlers } from "./handlers.ts";

let base: string;
let paths: Paths;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "view-")));
  paths = pathsOf({ data: join(base, "data") });
  await createFolders(paths);
});
afterEach(() => rm(base, { recursive: true, force: true }));

async function put(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(paths.datasets, path)), { recursive: true });
    await writeFile(join(paths.datasets, path), content);
  }
}

const RED = { r: 220, g: 10, b: 10 };
const plain = (width = 64, height = 64, background = RED) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
/** What compresses worst. */
const noise = (side: number) =>
  sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();

async function view(input: v.InferInput<typeof viewDataset.input>) {
  const handler = datasetViewHandlers(paths).view_dataset;
  const context = { signal: new AbortController().signal, progress: () => {} };
  const { content } = await handler(v.parse(viewDataset.input, input), context);
  const [facts, picture] = content;
  return {
    facts: JSON.parse(facts?.type === "text" ? facts.text : "null") as Record<string, unknown>,
    picture: picture?.type === "image" ? Buffer.from(picture.data, "base64") : undefined,
  };
}

test("a page of pictures is one sheet, in the order of the files, with their captions", async () => {
  const image = await plain();
  await put({
    "cats/a.png": image,
    "cats/a.txt": "ohwx cat",
    "cats/b.jpg": await sharp(image).jpeg().toBuffer(),
    "cats/sub/c.png": image,
    "cats/sub/c.txt": "another",
  });
  const { facts, picture } = await view({ name: "cats" });
  expect(facts).toEqual({
    dataset: "cats",
    order: "row by row, 2 in a row",
    files: [
      { file: "a.png", caption: "ohwx cat" },
      { file: "b.jpg", caption: null },
      { file: "sub/c.png", caption: "another" },
    ],
    total: 3,
    next_cursor: null,
  });
  const { width, height } = await sharp(picture).metadata();
  expect({ width, height }).toEqual({ width: 6 + 2 * 230, height: 6 + 2 * 230 });
  const colourAt = async (left: number, top: number) =>
    [...(await sharp(picture).extract({ left, top, width: 1, height: 1 }).raw().toBuffer())].map(
      (value) => value > 150,
    );
  expect(await colourAt(20, 20)).toEqual([true, false, false]);
  expect(await colourAt(400, 400)).toEqual([false, false, false]);
});

test("pages follow each other, each file on one of them", async () => {
  const image = await plain(8, 8);
  await put(Object.fromEntries(Array.from({ length: 7 }, (_, n) => [`cats/${n}.png`, image])));
  const seen: unknown[] = [];
  let cursor: string | undefined;
  do {
    const { facts } = await view({ name: "cats", limit: 3, cursor });
    seen.push((facts["files"] as { file: string }[]).map(({ file }) => file));
    cursor = (facts["next_cursor"] as string | null) ?? undefined;
  } while (cursor !== undefined);
  expect(seen).toEqual([["0.png", "1.png", "2.png"], ["3.png", "4.png", "5.png"], ["6.png"]]);
});

test("what is no picture, or a damaged one, leaves its place empty and is named", async () => {
  await put({ "cats/a.png": "no picture at all", "cats/b.mp4": "a video", "cats/c.png": await plain() });
  const { facts, picture } = await view({ name: "cats" });
  expect(
    (facts["files"] as { not_shown?: string }[]).map(({ not_shown }) => not_shown !== undefined),
  ).toEqual([true, true, false]);
  expect(picture).toBeDefined();
  await put({ "none/a.png": "no picture" });
  expect((await view({ name: "none" })).picture).toBeUndefined();
});

test("one file is shown large, the right way up, within what clients take", async () => {
  const lying = await sharp(await plain(1200, 600))
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  await put({
    "cats/sub/a.jpg": lying,
    "cats/sub/a.txt": "a cat that lies",
    "cats/noise.png": await noise(2000),
  });
  const { facts, picture } = await view({ name: "cats", file: "sub/a.jpg" });
  expect(facts).toEqual({ dataset: "cats", file: "sub/a.jpg", caption: "a cat that lies" });
  expect(await sharp(picture).metadata()).toMatchObject({ format: "jpeg", width: 384, height: 768 });
  const noisy = (await view({ name: "cats", file: "noise.png" })).picture;
  expect(noisy?.length).toBeLessThanOrEqual(PICTURE_BYTES_MAX);
});

test("a sheet full of noise is within what clients take, too", async () => {
  const image = await noise(256);
  await put(Object.fromEntries(Array.from({ length: 36 }, (_, n) => [`cats/${n}.png`, image])));
  const { picture } = await view({ name: "cats", limit: 36 });
  expect(picture?.length).toBeLessThanOrEqual(PICTURE_BYTES_MAX);
});

test.each([
  [{ name: "gone" }, "Dataset not found"],
  [{ name: "gone", file: "a.png" }, "Dataset not found"],
  [{ name: "cats", file: "gone.png" }, "There is no file gone.png in the dataset cats"],
  [{ name: "cats", file: "a.txt" }, "a.txt cannot be shown as a picture"],
  [{ name: "cats", file: "../secret.png" }, "Path traversal"],
  [{ name: "../data", file: "a.png" }, "Path traversal"],
  [{ name: "cats", file: "out.png" }, "Path traversal"],
])("%j is refused", async (input, sentence) => {
  await put({ "cats/a.png": await plain(), "cats/a.txt": "a cat" });
  await writeFile(join(base, "secret.png"), await plain());
  await symlink(join(base, "secret.png"), join(paths.datasets, "cats/out.png"));
  await expect(view(input)).rejects.toThrow(sentence);
});

test("a link that leads outside is not shown on a sheet", async () => {
  await put({ "cats/a.png": await plain() });
  await writeFile(join(base, "secret.png"), await plain());
  await symlink(join(base, "secret.png"), join(paths.datasets, "cats/out.png"));
  const { facts } = await view({ name: "cats" });
  expect(facts["files"]).toEqual([
    { file: "a.png", caption: null },
    { file: "out.png", caption: null, not_shown: expect.any(String) },
  ]);
});

test("however many look at pictures at once, two are worked on, and the sheets are as they would be", async () => {
  await put(
    Object.fromEntries(
      await Promise.all([..."abcdef"].map(async (name) => [`cats/${name}.png`, await noise(300)])),
    ),
  );
  const alone = await view({ name: "cats" });
  let [most, over] = [0, false];
  const looking = (async () => {
    while (!over) {
      const { queue, process } = sharp.counters();
      most = Math.max(most, queue + process);
      await setImmediate();
    }
  })();
  const all = await Promise.all(Array.from({ length: 20 }, () => view({ name: "cats" })));
  over = true;
  await looking;
  expect(most).toBeLessThanOrEqual(4); // its figures are a little behind
  for (const { picture } of all) expect(picture).toEqual(alone.picture);
});

test("whoever leaves while it waits for its turn takes none", async () => {
  await put({ "cats/a.png": await noise(300) });
  const handler = datasetViewHandlers(paths).view_dataset;
  const leaving = new AbortController();
  const context = { signal: leaving.signal, progress: () => {} };
  const input = v.parse(viewDataset.input, { name: "cats" });
  const all = Array.from({ length: 20 }, () => serving(context, () => handler(input, context)));
  leaving.abort();
  for (const each of await Promise.allSettled(all)) expect(each.status).toBe("rejected");
});
