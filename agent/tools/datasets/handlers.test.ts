import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import * as v from "valibot";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CallContext } from "../../../shared/contract.ts";
import { errorBody, errorStatus, toToolError } from "../../../shared/errors.ts";
import {
  deleteDataset,
  getDatasetInfo,
  listDatasets,
  uploadDataset,
} from "../../../shared/tools/datasets.ts";
import { serving } from "../../current-call.ts";
import { Trash } from "../../files/trash.ts";
import { createFolders, type Paths, pathsOf } from "../../paths.ts";
import { usedBy } from "../../testing/in-use.ts";
import { datasetHandlers } from "./handlers.ts";
import { Turns } from "./turns.ts";

let png: string;
let otherPng: string;
let jpeg: string;
let base: string;
let paths: Paths;
let trash: Trash;
/** path → job */
let used: Map<string, string>;
let tools: ReturnType<typeof datasetHandlers>;
const context: CallContext = { signal: new AbortController().signal, progress: () => {} };

beforeAll(async () => {
  const image = (background: string) => sharp({ create: { width: 32, height: 24, channels: 3, background } });
  png = (await image("red").png().toBuffer()).toString("base64");
  otherPng = (await image("blue").png().toBuffer()).toString("base64");
  jpeg = (await image("red").jpeg().toBuffer()).toString("base64");
});

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "datasets-")));
  paths = pathsOf({ data: join(base, "data"), datasetRoots: [join(base, "photos")] });
  await createFolders(paths);
  await mkdir(join(base, "photos"));
  trash = new Trash(paths.trash);
  used = new Map();
  const inUse = usedBy(used);
  tools = datasetHandlers({ paths, inUse, trash, turns: new Turns() });
});

afterEach(() => rm(base, { recursive: true, force: true }));

type Images = v.InferInput<typeof uploadDataset.input>["images"];
const upload = async (dataset: string, images: Images, overwrite = false) => {
  const input = v.parse(uploadDataset.input, { dataset_name: dataset, images, overwrite });
  return v.parse(v.strictObject(uploadDataset.output.entries), await tools.upload_dataset(input, context));
};
const list = async () =>
  v.parse(v.strictObject(listDatasets.output.entries), await tools.list_datasets({}, context));
const info = async (name: string) =>
  v.parse(v.strictObject(getDatasetInfo.output.entries), await tools.get_dataset_info({ name }, context));
const remove = async (name: string) =>
  v.parse(v.strictObject(deleteDataset.output.entries), await tools.delete_dataset({ name }, context));

/** What a REST caller gets to see of a failure. */
async function failure(work: Promise<unknown>): Promise<{ status: number; body: Record<string, unknown> }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => toToolError(thrown),
  );
  if (!error) throw new Error("It did not fail");
  return { status: errorStatus(error), body: errorBody(error) };
}

const files = async (dataset: string) =>
  (await readdir(join(paths.datasets, dataset), { recursive: true })).sort();
const reasons = ({ failed }: { failed: readonly { filename: string; reason: string }[] }) =>
  failed.map(({ filename, reason }) => `${filename}: ${reason}`);

describe("upload_dataset", () => {
  test("saves each image with its caption, and says where", async () => {
    const answer = await upload("cats", [
      { filename: "a.png", data: png, caption: "ein Kätzchen" },
      { filename: "sub/b.jpg", data: `data:image/jpeg;base64,${jpeg}`, caption: "" },
      { filename: "c.png", data: png.replaceAll("=", "") },
    ]);
    expect(answer).toEqual({
      dataset: "cats",
      images_saved: 3,
      path: join(paths.datasets, "cats"),
      status: "success",
      images_received: 3,
      images_failed: 0,
      failed: [],
    });
    expect(await files("cats")).toEqual(["a.png", "a.txt", "c.png", "sub", "sub/b.jpg", "sub/b.txt"]);
    expect(await readFile(join(paths.datasets, "cats/a.png"), "base64")).toBe(png);
    expect(await readFile(join(paths.datasets, "cats/a.txt"), "utf8")).toBe("ein Kätzchen");
    expect(await readFile(join(paths.datasets, "cats/sub/b.txt"), "utf8")).toBe("");
  });

  test("D10: every failed image is reported with its reason, the others are saved", async () => {
    const answer = await upload("cats", [
      { filename: "good.png", data: png, caption: "x" },
      { filename: "x.txt", data: png, caption: "x" },
      { filename: "bad.png", data: "bm8gaW1hZ2U=", caption: "x" },
      { filename: "worse.png", data: "%%%", caption: "x" },
      { filename: "../evil.png", data: png, caption: "x" },
      { filename: "lie.png", data: jpeg, caption: "x" },
      { filename: "_latent_cache/a.png", data: png, caption: "x" },
      { filename: "huge\0.png", data: png, caption: "x" },
      "not an object" as never,
    ]);
    expect(answer).toMatchObject({
      status: "success",
      images_saved: 1,
      images_received: 9,
      images_failed: 8,
    });
    expect(answer.failed.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(reasons(answer)).toEqual([
      "x.txt: ai-toolkit trains on .jpg, .jpeg, .png, .webp files only; rename or convert it",
      "bad.png: The data is not an image",
      'worse.png: The image data is not base64: "%" at position 0',
      "../evil.png: Invalid file name: Path traversal attempt detected: Invalid image file path: parent directory references not allowed",
      "lie.png: The data is a JPEG image: name it lie.jpg",
      "_latent_cache/a.png: _latent_cache is a folder of the trainer's own, which it does not train on",
      "huge\0.png: Invalid file name: Invalid path: Invalid image file path: control characters not allowed",
      ': Not an object with the strings "filename" and "data"',
    ]);
    expect(await files("cats")).toEqual(["good.png", "good.txt"]);
    expect(await readdir(paths.datasets)).toEqual(["cats"]);
  });

  test("D10: with no image saved the answer is an error with the list, and no folder is left behind", async () => {
    const { status, body } = await failure(
      upload("new/nested", [
        { filename: "deep/a.png", data: "AAAA" },
        { filename: "b.gif", data: png },
      ]),
    );
    expect(status).toBe(200);
    expect(body).toEqual({
      error: "No image could be saved: deep/a.png: The data is not an image (and 1 more)",
      code: "invalid_input",
      dataset: "new/nested",
      images_saved: 0,
      images_received: 2,
      images_failed: 2,
      failed: [
        { index: 0, filename: "deep/a.png", reason: "The data is not an image" },
        {
          index: 1,
          filename: "b.gif",
          reason: "ai-toolkit trains on .jpg, .jpeg, .png, .webp files only; rename or convert it",
        },
      ],
      status: "error",
    });
    expect(await readdir(paths.datasets)).toEqual([]);
    expect((await failure(upload("new", []))).body.error).toBe(
      "No image could be saved: the list of images is empty",
    );
  });

  test("an empty folder that was there before stays", async () => {
    await mkdir(join(paths.datasets, "mine"));
    await failure(upload("mine", [{ filename: "a.png", data: "AAAA" }]));
    expect(await readdir(paths.datasets)).toEqual(["mine"]);
  });

  test("folders made for an image that then cannot be written are taken away again", async () => {
    await mkdir(join(paths.datasets, "cats"));
    await writeFile(join(paths.datasets, "cats/file"), "");
    const { body } = await failure(upload("cats", [{ filename: "file/sub/a.png", data: png }]));
    expect(body.error).toContain("file exists and is not a folder");
    expect(await files("cats")).toEqual(["file"]);
  });

  test("a data set name outside the data sets folder is an error of the whole call", async () => {
    const image = [{ filename: "a.png", data: png }];
    expect((await failure(upload("../x", image))).body.error).toBe(
      "Invalid parameters: Invalid dataset name: Path traversal attempt detected: Invalid dataset path: parent directory references not allowed",
    );
    await mkdir(join(base, "outside"));
    await symlink(join(base, "outside"), join(paths.datasets, "link"));
    expect(await failure(upload("link", image))).toEqual({
      status: 400,
      body: {
        error:
          "Invalid parameters: Invalid dataset name: Path traversal attempt detected: Invalid dataset path: traversal attempt detected",
        code: "invalid_input",
      },
    });
    expect(await readdir(join(base, "outside"))).toEqual([]);
  });

  test("D10: nothing that exists is overwritten unless asked for", async () => {
    await upload("cats", [{ filename: "a.png", data: png, caption: "old" }]);
    await writeFile(join(paths.datasets, "cats/orphan.txt"), "kept");
    const images = [
      { filename: "a.png", data: otherPng, caption: "new" },
      { filename: "orphan.png", data: otherPng, caption: "new" },
      { filename: "b.png", data: otherPng, caption: "new" },
    ];
    const answer = await upload("cats", images);
    expect(answer.images_saved).toBe(1);
    expect(reasons(answer)).toEqual([
      "a.png: a.png exists; call with overwrite: true to replace it",
      "orphan.png: orphan.txt exists; call with overwrite: true to replace it",
    ]);
    expect(await readFile(join(paths.datasets, "cats/a.txt"), "utf8")).toBe("old");
    expect(await readFile(join(paths.datasets, "cats/a.png"), "base64")).toBe(png);

    expect((await upload("cats", images, true)).images_saved).toBe(3);
    expect(await readFile(join(paths.datasets, "cats/a.txt"), "utf8")).toBe("new");
    expect(await readFile(join(paths.datasets, "cats/a.png"), "base64")).toBe(otherPng);
    expect(await files("cats")).toEqual(["a.png", "a.txt", "b.png", "b.txt", "orphan.png", "orphan.txt"]);
  });

  test("D10: a.png and a.jpg never share one caption file", async () => {
    const answer = await upload("cats", [
      { filename: "a.png", data: png, caption: "of the png" },
      { filename: "a.jpg", data: jpeg, caption: "of the jpg" },
    ]);
    expect(reasons(answer)).toEqual([
      "a.jpg: a.png exists and would share the caption file a.txt; use another name",
    ]);
    const again = await failure(upload("cats", [{ filename: "A.JPEG", data: jpeg }], true));
    expect(again.body.error).toContain("a.png exists and would share");
    expect(await files("cats")).toEqual(["a.png", "a.txt"]);
    expect((await upload("cats", [{ filename: "sub/a.jpg", data: jpeg }])).images_saved).toBe(1);
  });

  test("an image that failed does not block the next one of its stem", async () => {
    const answer = await upload("cats", [
      { filename: "a.png", data: "AAAA", caption: "x" },
      { filename: "a.jpg", data: jpeg, caption: "y" },
    ]);
    expect(answer).toMatchObject({ images_saved: 1, images_failed: 1 });
    expect(await readFile(join(paths.datasets, "cats/a.txt"), "utf8")).toBe("y");
  });

  test("one file name twice in an upload is saved once, also with overwrite", async () => {
    const answer = await upload(
      "cats",
      [
        { filename: "a.png", data: png },
        { filename: "a.png", data: otherPng },
      ],
      true,
    );
    expect(answer.images_saved).toBe(1);
    expect(reasons(answer)).toEqual(["a.png: The same file name comes twice in this upload"]);
    expect(await readFile(join(paths.datasets, "cats/a.png"), "base64")).toBe(png);
  });

  test("names that differ only in case or in how accents are encoded are refused", async () => {
    const composed = "caf\u00e9.png";
    const decomposed = "cafe\u0301.png";
    await upload("cats", [
      { filename: "A.png", data: png },
      { filename: composed, data: png },
      { filename: "Sub/x.png", data: png },
    ]);
    const answer = await failure(
      upload(
        "cats",
        [
          { filename: "a.PNG", data: png },
          { filename: decomposed, data: png },
          { filename: "sub/y.png", data: png },
        ],
        true,
      ),
    );
    expect(reasons(answer.body as never)).toEqual([
      "a.PNG: a.PNG differs only in case or accents from the existing A.png",
      `${decomposed}: ${decomposed} differs only in case or accents from the existing ${composed}`,
      "sub/y.png: The folder sub differs only in case or accents from the existing Sub",
    ]);
    expect(await files("cats")).toEqual(["A.png", "Sub", "Sub/x.png", composed]);
  });

  test("an image that cannot get its name leaves the caption as it was", async () => {
    await mkdir(join(paths.datasets, "cats/a.png"), { recursive: true });
    await mkdir(join(paths.datasets, "cats/b.png"));
    await writeFile(join(paths.datasets, "cats/a.txt"), "old");
    const { body } = await failure(
      upload(
        "cats",
        [
          { filename: "a.png", data: png, caption: "new" },
          { filename: "b.png", data: png, caption: "new" },
        ],
        true,
      ),
    );
    expect(body.error).toContain("a.png exists and cannot be replaced");
    expect(await readFile(join(paths.datasets, "cats/a.txt"), "utf8")).toBe("old");
    expect(await files("cats")).toEqual(["a.png", "a.txt", "b.png"]);
  });

  test("a new image does away with what the trainer derived from the old one, and with nothing else", async () => {
    const hash = "JhJ7DkJkSpxHr7uIcZh6dw";
    const stale = [
      ".aitk_size.json",
      "sub/.aitk_size.json",
      `sub/_latent_cache/a_${hash}.safetensors`,
      `sub/_clip_vision_cache/a_${hash}.safetensors`,
      "sub/_controls/a.depth.jpg",
      "sub/_controls/a.mask.webp",
    ];
    const kept = [
      `sub/_latent_cache/a_b_${hash}.safetensors`,
      `sub/_latent_cache/ab_${hash}.safetensors`,
      `sub/_latent_cache/ax${hash}.safetensors`,
      `sub/_t_e_cache/a_${hash}.safetensors`,
      `_latent_cache/a_${hash}.safetensors`,
      "sub/_controls/a.b.depth.jpg",
      "sub/_controls/mine.jpg",
    ];
    await upload("cats", [{ filename: "sub/a.png", data: png, caption: "x" }]);
    for (const path of [...stale, ...kept]) {
      await mkdir(join(paths.datasets, "cats", path, ".."), { recursive: true });
      await writeFile(join(paths.datasets, "cats", path), "");
    }
    await upload("cats", [{ filename: "sub/a.png", data: otherPng }], true);
    const left = await files("cats");
    expect(stale.filter((path) => left.includes(path))).toEqual([]);
    expect(kept.filter((path) => !left.includes(path))).toEqual([]);
    expect(left).toContain("sub/a.txt");
  });

  test("uploads at the same time keep to the same rules", async () => {
    const many = Array.from({ length: 6 }, (_, index) =>
      upload("cats", [
        { filename: index % 2 ? "a.jpg" : "a.png", data: index % 2 ? jpeg : png, caption: `${index}` },
      ]).catch(() => undefined),
    );
    const saved = (await Promise.all(many)).filter((answer) => answer !== undefined);
    expect(saved).toHaveLength(1);
    expect(await files("cats")).toHaveLength(2);
  });

  test("a cancelled upload stops, keeps what is saved and leaves no half pair", async () => {
    const cancel = new AbortController();
    const images = ["a", "b", "c"].map((stem) => ({ filename: `${stem}.png`, data: png, caption: stem }));
    const input = v.parse(uploadDataset.input, { dataset_name: "cats", images });
    const seen: number[] = [];
    const progress: CallContext["progress"] = (step) => {
      seen.push(step.progress);
      cancel.abort();
    };
    await expect(tools.upload_dataset(input, { signal: cancel.signal, progress })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(seen).toEqual([1]);
    expect(await files("cats")).toEqual(["a.png", "a.txt"]);
  });
});

describe("list_datasets", () => {
  test("D26: the figures are the true ones, webp included, sorted by name", async () => {
    expect(await list()).toEqual({ datasets: [] });
    await upload("dogs", [{ filename: "a.png", data: png, caption: "x" }]);
    await mkdir(join(paths.datasets, "cats/sub"), { recursive: true });
    await mkdir(join(paths.datasets, ".hidden"));
    await writeFile(join(paths.datasets, "loose.png"), "");
    await writeFile(join(paths.datasets, "cats/one.webp"), "12345");
    for (let index = 0; index < 12; index++)
      await writeFile(join(paths.datasets, `cats/sub/${index + 10}.jpg`), "1");
    const { datasets } = await list();
    expect(datasets).toEqual([
      {
        name: "cats",
        path: join(paths.datasets, "cats"),
        image_count: 13,
        caption_count: 0,
        missing_captions: ["one.webp", ...Array.from({ length: 9 }, (_, index) => `sub/${index + 10}.jpg`)],
        missing_caption_count: 13,
        total_size_bytes: 17,
        kind: "image",
      },
      {
        name: "dogs",
        path: join(paths.datasets, "dogs"),
        image_count: 1,
        caption_count: 1,
        missing_captions: [],
        missing_caption_count: 0,
        total_size_bytes: Buffer.from(png, "base64").length,
        kind: "image",
      },
    ]);
  });

  test("is right at once after each change", async () => {
    const counts = async () =>
      (await list()).datasets.map(({ name, image_count }) => `${name} ${image_count}`);
    await upload("cats", [{ filename: "a.png", data: png }]);
    expect(await counts()).toEqual(["cats 1"]);
    await upload("cats", [{ filename: "b.png", data: png }]);
    expect(await counts()).toEqual(["cats 2"]);
    await remove("cats");
    expect(await counts()).toEqual([]);
  });

  test("follows a link into a folder that data sets may lie in, and leaves out one that leads elsewhere", async () => {
    await mkdir(join(base, "photos/cats"));
    await writeFile(join(base, "photos/cats/a.png"), "1");
    await mkdir(join(base, "private"));
    await symlink(join(base, "photos/cats"), join(paths.datasets, "linked"));
    await symlink(join(base, "private"), join(paths.datasets, "private"));
    await symlink(join(base, "nowhere"), join(paths.datasets, "dangling"));
    const { datasets } = await list();
    expect(datasets.map(({ name, image_count }) => [name, image_count])).toEqual([["linked", 1]]);
  });
});

describe("get_dataset_info", () => {
  test("D26: tells the missing captions as the old text and as data", async () => {
    await upload("sets/cats", [
      { filename: "a.png", data: png, caption: "x" },
      { filename: "b.png", data: png },
    ]);
    await writeFile(join(paths.datasets, "sets/cats/c.webp"), Buffer.alloc(3_000_000));
    const bytes = 2 * Buffer.from(png, "base64").length + 3_000_000;
    expect(await info("sets/cats")).toEqual({
      name: "sets/cats",
      path: join(paths.datasets, "sets/cats"),
      image_count: 3,
      caption_count: 1,
      captions_complete: false,
      missing_captions: '["b.png", "c.webp"]',
      missing_caption_files: ["b.png", "c.webp"],
      total_size_mb: 2.86,
      total_size_bytes: bytes,
      kind: "image",
      video_count: 0,
      audio_count: 0,
      trained_subfolders: [],
      trained_subfolder_count: 0,
      control_folders: [],
    });
    expect(await info("sets")).toMatchObject({
      image_count: 3,
      missing_caption_files: ["cats/b.png", "cats/c.webp"],
    });
  });

  test("tells the kind, what is trained below it, and where control images and masks lie", async () => {
    for (const path of [
      "clips/a.mp4",
      "clips/b.png",
      "clips/more/c.webm",
      "clips/masks/a.png",
      "clips/_controls/a.depth.jpg",
      "clips_control/a.png",
      "clipsalike/a.png",
      "songs/a.mp3",
    ]) {
      await mkdir(dirname(join(paths.datasets, path)), { recursive: true });
      await writeFile(join(paths.datasets, path), "1");
    }
    await writeFile(join(paths.datasets, "clips/a.txt"), "a clip");
    expect(await info("clips")).toMatchObject({
      kind: "mixed",
      image_count: 2,
      video_count: 2,
      audio_count: 0,
      caption_count: 1,
      captions_complete: false,
      missing_caption_files: ["b.png", "masks/a.png", "more/c.webm"],
      trained_subfolders: ["masks", "more"],
      trained_subfolder_count: 2,
      control_folders: [
        { folder: "clips/_controls", role: "generated", trained: false },
        { folder: "clips/masks", role: "mask", trained: true },
        { folder: "clips_control", role: "control", trained: false },
      ],
    });
    expect(await info("songs")).toMatchObject({ kind: "audio", audio_count: 1, image_count: 0 });
  });

  test("an empty data set is complete", async () => {
    await mkdir(join(paths.datasets, "empty"));
    expect(await info("empty")).toMatchObject({
      kind: null,
      image_count: 0,
      captions_complete: true,
      missing_captions: "[]",
    });
  });

  test("what is not there, or a file, is not found", async () => {
    await writeFile(join(paths.datasets, "file"), "");
    for (const name of ["nothing", "file", "file/x"]) {
      const { status, body } = await failure(info(name));
      expect(status).toBe(200);
      expect(body).toMatchObject({ error: "Dataset not found", code: "not_found" });
    }
    expect((await failure(info("../config"))).status).toBe(400);
  });
});

describe("delete_dataset", () => {
  test("D29: moves it to the trash", async () => {
    await upload("cats", [{ filename: "a.png", data: png, caption: "x" }]);
    const answer = await remove("cats");
    expect(answer).toEqual({ deleted: "cats", success: true, trash_id: answer.trash_id });
    expect(await readdir(paths.datasets)).toEqual([]);
    const [entry] = await trash.list();
    expect(entry).toMatchObject({
      id: answer.trash_id,
      kind: "dataset",
      name: "cats",
      paths: [join(paths.datasets, "cats")],
    });
    if (entry) expect((await readdir(trash.contentPath(entry, "cats"))).sort()).toEqual(["a.png", "a.txt"]);
  });

  test("a nested one goes alone", async () => {
    await upload("sets/cats", [{ filename: "a.png", data: png }]);
    await upload("sets/dogs", [{ filename: "a.png", data: png }]);
    await remove("sets/cats");
    expect(await files("sets")).toEqual(["dogs", "dogs/a.png"]);
  });

  test("D29: is refused while an unfinished job uses it, naming the job", async () => {
    await upload("cats", [{ filename: "a.png", data: png }]);
    used.set(join(paths.datasets, "cats"), "job-1");
    const { status, body } = await failure(remove("cats"));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: "conflict",
      error: "The dataset cats is used by the training job job-1",
    });
    expect(body.hint).toContain("stop_training");
    expect(await files("cats")).toEqual(["a.png"]);
  });

  test("of a link only the link goes, and not while a job reads what it leads to", async () => {
    const target = join(base, "photos/cats");
    await mkdir(target);
    await writeFile(join(target, "precious.png"), "");
    await symlink(target, join(paths.datasets, "linked"));
    used.set(target, "job-1");
    expect((await failure(remove("linked"))).status).toBe(409);
    used.clear();
    await remove("linked");
    expect(await readdir(paths.datasets)).toEqual([]);
    expect(await readdir(target)).toEqual(["precious.png"]);
  });

  test("what is not there, or a file, is not found", async () => {
    await writeFile(join(paths.datasets, "file"), "");
    for (const name of ["nothing", "no/thing", "file"]) {
      const { status, body } = await failure(remove(name));
      expect(status).toBe(200);
      expect(body).toMatchObject({ error: "Dataset not found", success: false, code: "not_found" });
    }
    expect((await failure(remove("../config"))).status).toBe(400);
    expect(await readdir(paths.datasets)).toEqual(["file"]);
  });

  test("waits for an upload into the same data set, so that nothing is saved into the trash", async () => {
    const uploading = upload("cats", [{ filename: "a.png", data: png }]);
    const removing = remove("cats");
    expect((await uploading).images_saved).toBe(1);
    await removing;
    expect(await readdir(paths.datasets)).toEqual([]);
  });
});

test("one caller's many looks into a data set do not keep another's waiting for all of them", async () => {
  await mkdir(join(paths.datasets, "cats"));
  await Promise.all(
    Array.from({ length: 1_000 }, (_, n) => writeFile(join(paths.datasets, "cats", `${n}.png`), "")),
  );
  const order: string[] = [];
  const look = (caller: string) => {
    const asked = { ...context, request: { id: "r", caller } };
    return serving(asked, async () => {
      await tools.get_dataset_info({ name: "cats" }, asked);
      order.push(caller);
    });
  };
  await Promise.all([...Array.from({ length: 20 }, () => look("many")), look("few")]);
  expect(order.indexOf("few")).toBeLessThan(5);
});
