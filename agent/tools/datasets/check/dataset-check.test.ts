import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import sharp, { type Sharp } from "sharp";
import * as v from "valibot";
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Progress } from "../../../../shared/contract.ts";
import { errorBody, toToolError } from "../../../../shared/errors.ts";
import { checkDataset } from "../../../../shared/tools/dataset-check.ts";
import { Slots } from "../../../files/slots.ts";
import { createFolders, type Paths, pathsOf } from "../../../paths.ts";
import { type ChecksOptions, DatasetChecks } from "./dataset-checks.ts";
import { isWhole } from "./facts.ts";

type Input = v.InferInput<typeof checkDataset.input>;

let base: string;
let paths: Paths;
let told: Progress[];
let made: DatasetChecks[];
let checks: DatasetChecks;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "check-")));
  paths = pathsOf({ data: join(base, "data"), datasetRoots: [join(base, "photos")] });
  await createFolders(paths);
  await mkdir(join(base, "photos"));
  told = [];
  made = [];
  checks = checksOf();
});
afterEach(async () => {
  for (const each of made) each[Symbol.dispose]();
  await rm(base, { recursive: true, force: true });
});

/** As patient as it takes, unless said otherwise. */
function checksOf(options: Partial<ChecksOptions> = {}): DatasetChecks {
  const each = new DatasetChecks({ paths, budgetMs: 60_000, ...options });
  made.push(each);
  return each;
}

const never = new AbortController().signal;
const check = async (input: Input, by = checks, signal = never) =>
  v.parse(
    v.strictObject(checkDataset.output.entries),
    await by.check(v.parse(checkDataset.input, input), { signal, progress: (step) => told.push(step) }),
  );

/** The findings as `{ name: examples }`. */
const found = async (input: Input) =>
  Object.fromEntries(
    (await check({ limit: 50, ...input })).findings.map((each) => [each.finding, each.examples]),
  );

const at = (path: string) => join(paths.datasets, path);
async function put(path: string, content: Buffer | string): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), content);
}

/** Pictures that do not look alike. */
const noise = (width: number, height = width, channels: 3 | 4 = 3): Sharp =>
  sharp(randomBytes(width * height * channels), { raw: { width, height, channels } });
let smallOnes: Buffer[];
const small = (index: number) => smallOnes[index] ?? Buffer.alloc(0);
beforeAll(async () => {
  smallOnes = await Promise.all(Array.from({ length: 8 }, () => noise(16).png().toBuffer()));
});
/** A picture with a caption. */
async function pair(path: string, picture: Buffer | Sharp, caption = `caption of ${path}`): Promise<void> {
  await put(path, Buffer.isBuffer(picture) ? picture : await picture.png().toBuffer());
  await put(path.replace(/\.[a-z]+$/, ".txt"), caption);
}

const LOW = { resolution: 64 };

describe("a data set that is fine", () => {
  test("is ready, with the buckets it will be trained in", async () => {
    for (const [index, [width, height]] of [
      [128, 128],
      [96, 160],
      [128, 128],
      [160, 96],
    ].entries()) {
      await pair(`cats/${index}.png`, noise(width ?? 0, height));
    }
    expect(await check({ name: "cats", resolution: [64, 256], batch_size: 2 })).toEqual({
      name: "cats",
      kind: "image",
      verdict: "ready",
      complete: true,
      checked: 4,
      measured: 4,
      total: 4,
      image_count: 4,
      video_count: 0,
      audio_count: 0,
      caption_count: 4,
      findings: [],
      divisibility: 16,
      buckets: [
        {
          resolution: 64,
          bucket_count: 3,
          buckets: [
            { kind: "image", width: 64, height: 64, count: 2, repeats: 0 },
            { kind: "image", width: 80, height: 48, count: 1, repeats: 1 },
            { kind: "image", width: 48, height: 80, count: 1, repeats: 1 },
          ],
          smaller: 0,
        },
        {
          resolution: 256,
          bucket_count: 3,
          buckets: [
            { kind: "image", width: 128, height: 128, count: 2, repeats: 0 },
            { kind: "image", width: 160, height: 96, count: 1, repeats: 1 },
            { kind: "image", width: 96, height: 160, count: 1, repeats: 1 },
          ],
          smaller: 4,
        },
      ],
      next: null,
    });
  });

  test("the model decides which files, sizes and captions are meant", async () => {
    await pair("cats/a.png", noise(700, 500), "long ".repeat(100));
    await put("cats/b.mp4", await readFile(join(import.meta.dirname, "fixtures/plain.mp4")));
    await put("cats/b.txt", "a clip");
    const flux = await check({ name: "cats", arch: "flux" });
    expect(flux).toMatchObject({ kind: "mixed", verdict: "ready", divisibility: 32, total: 1 });
    expect(flux.buckets.map(({ resolution }) => resolution)).toEqual([512, 768, 1024]);
    expect(flux.findings.map(({ finding }) => finding)).toEqual(["not_trained"]);

    const sdxl = await check({ name: "cats", arch: "sdxl" });
    expect(sdxl.buckets.map(({ resolution }) => resolution)).toEqual([1024]);
    expect(sdxl.findings.map(({ finding }) => finding)).toEqual([
      "long_caption",
      "below_resolution",
      "not_trained",
    ]);

    const wan = await check({ name: "cats", arch: "wan22_14b:t2v", resolution: 512 });
    expect(wan).toMatchObject({ total: 2, buckets: [{ bucket_count: 2 }] });
    expect(wan.buckets[0]?.buckets).toContainEqual({
      kind: "video",
      width: 96,
      height: 64,
      count: 1,
      repeats: 0,
    });

    expect(await found({ name: "cats", arch: "ace_step_15" })).toMatchObject({ no_media: ["cats"] });
    expect(await found({ name: "cats", arch: "qwen_image_edit" })).toMatchObject({
      control_needed: ["cats"],
    });
    await expect(check({ name: "cats", arch: "fluxx" })).rejects.toMatchObject({ code: "invalid_input" });
  });
});

describe("what is wrong with captions", () => {
  test("is found in the files as they are", async () => {
    await pair("cats/a.png", small(0), "a cat, ohwx");
    await put("cats/b.png", small(1));
    await pair("cats/c.png", small(2), "");
    await pair("cats/d.png", small(3));
    await put("cats/d.txt", Buffer.from("caf\xe9", "latin1"));
    await pair("cats/sub/e.png", small(4), "\ufeffohwx");
    await put("cats/other.txt", "of nothing");
    await put("cats/B.TXT", "not lower case");
    expect(await found({ name: "cats", trigger_word: "ohwx", ...LOW })).toEqual({
      unreadable_caption: ["d.png: not UTF-8"],
      missing_caption: ["b.png"],
      empty_caption: ["c.png"],
      caption_bom: ["sub/e.png"],
      orphan_caption: ["B.TXT", "other.txt"],
      tiny: expect.any(Array),
    });
    expect(await check({ name: "cats", ...LOW })).toMatchObject({
      verdict: "needs_attention",
      caption_count: 4,
    });
  });

  test("a link out of the data folders is not read", async () => {
    await writeFile(join(base, "secret.txt"), "a secret --here");
    await put("cats/a.png", small(0));
    await symlink(join(base, "secret.txt"), at("cats/a.txt"));
    const answer = await check({ name: "cats", ...LOW });
    expect(answer.findings[0]).toMatchObject({
      finding: "unreadable_caption",
      examples: ["a.png: a link that leads outside"],
    });
    expect(JSON.stringify(answer)).not.toContain("prompt_syntax");
  });
});

describe("what is wrong with images", () => {
  test("is found by decoding them", async () => {
    const whole = await noise(80).png().toBuffer();
    await pair("cats/cut.png", whole.subarray(0, whole.length / 2));
    await pair("cats/text.jpg", Buffer.from("no image"));
    await pair("cats/heic.jpg", Buffer.from("\0\0\0\x18ftypheic"));
    await pair(
      "cats/hole.png",
      sharp({ create: { width: 70, height: 70, channels: 4, background: "#f000" } }),
    );
    await pair("cats/side.jpg", await noise(64, 128).withMetadata({ orientation: 6 }).jpeg().toBuffer());
    await pair("cats/small.png", noise(40));
    await pair("cats/tiny.png", noise(20));
    await put("cats/moving.gif", "GIF89a");
    await put("cats/raw/one.heic", "");
    expect(await found({ name: "cats", ...LOW })).toEqual({
      broken: [expect.stringMatching(/^cut\.png: .*(libpng|does not decode)/), "text.jpg: not an image"],
      unsupported: ["heic.jpg: HEIC data"],
      transparent: ["hole.png"],
      tiny: ["tiny.png: 20×20"],
      turned: ["side.jpg"],
      below_resolution: ["small.png: 40×40"],
      not_trained: ["moving.gif", "raw/one.heic"],
    });
    const { buckets } = await check({ name: "cats", resolution: 1024 });
    expect(buckets[0]?.buckets).toContainEqual({
      kind: "image",
      width: 128,
      height: 64,
      count: 1,
      repeats: 0,
    }); // side.jpg, upright
  });

  test("copies are found, byte for byte and by their looks", async () => {
    const drawing = (fill: string) =>
      sharp(
        Buffer.from(
          `<svg width="300" height="200"><rect width="300" height="200" fill="navy"/><circle cx="100" cy="110" r="70" fill="${fill}"/></svg>`,
        ),
      );
    const picture = await drawing("orange").png().toBuffer();
    await pair("cats/a.png", picture);
    await pair("cats/sub/b.png", picture);
    await pair("cats/c.jpg", await drawing("orange").resize(200).jpeg().toBuffer());
    await pair("cats/d.png", noise(100));
    expect(await found({ name: "cats", ...LOW })).toEqual({
      duplicate_image: ["a.png = sub/b.png"],
      near_duplicate: ["a.png ~ c.jpg"],
    });
  });

  test("links are followed as far as data sets may lie, and no further", async () => {
    await writeFile(join(base, "photos/ours.png"), await noise(80).png().toBuffer());
    await writeFile(join(base, "secret.png"), await noise(80).png().toBuffer());
    await put("cats/a.txt", "a");
    await put("cats/b.txt", "b");
    await symlink(join(base, "photos/ours.png"), at("cats/a.png"));
    await symlink(join(base, "secret.png"), at("cats/b.png"));
    expect(await found({ name: "cats", ...LOW })).toEqual({ unchecked: ["b.png"] });
    await symlink(join(base, "photos"), at("linked"));
    expect(await check({ name: "linked", ...LOW })).toMatchObject({ total: 1, complete: true });
  });
});

describe("control images and masks", () => {
  test("are matched by name, and those that do not fit are named", async () => {
    for (const name of ["a", "b", "c", "d"]) await pair(`cats/${name}.png`, noise(80, 60));
    await put("cats_control/a.jpg", await noise(160, 120).jpeg().toBuffer());
    await put("cats_control/b.png", await noise(60, 80).png().toBuffer());
    await put("cats_control/c.png", "no image");
    await put("cats_control/D.png", await noise(80, 60).png().toBuffer());
    await put("cats_mask/a.png", await noise(80, 60).png().toBuffer());
    const answer = { name: "cats", control: "cats_control", mask: at("cats_mask"), ...LOW };
    expect(await found(answer)).toEqual({
      control_broken: ["cats_control/c.png: not an image"],
      control_missing: ["d.png"],
      mask_missing: ["b.png", "c.png", "d.png"],
      partner_unused: ["cats_control/D.png"],
      partner_shape: ["cats_control/b.png: 60×80, 80×60"],
    });
    expect(await check(answer)).toMatchObject({ checked: 8, total: 8 });
    expect(await found({ ...answer, control: ["cats_control"], arch: "flux_kontext" })).not.toHaveProperty(
      "control_needed",
    );
  });

  test("a control image that is a link is not opened", async () => {
    await pair("cats/a.png", noise(80));
    await writeFile(join(base, "secret.png"), await noise(80).png().toBuffer());
    await mkdir(at("cats_control"));
    await symlink(join(base, "secret.png"), at("cats_control/a.png"));
    expect(await found({ name: "cats", control: "cats_control", ...LOW })).toEqual({
      unchecked: ["cats_control/a.png"],
    });
  });

  test("inside the data set they would be trained", async () => {
    await pair("cats/a.png", noise(80));
    await put("cats/masks/a.png", await noise(80).png().toBuffer());
    await put("cats/_controls/a.depth.jpg", "made by the trainer");
    expect(await found({ name: "cats", ...LOW })).toEqual({
      companion_trained: ["masks/"],
      missing_caption: ["masks/a.png"],
    });
  });

  test("a folder that is not there, or elsewhere, is refused", async () => {
    await pair("cats/a.png", noise(80));
    for (const [control, code] of [
      ["dogs", "not_found"],
      ["/etc", "invalid_input"],
      ["../config", "invalid_input"],
    ]) {
      const error = await check({ name: "cats", control: control ?? "" }).catch(toToolError);
      expect(errorBody(toToolError(error))).toMatchObject({ code });
    }
  });
});

describe("stale caches", () => {
  const latents = "_latent_cache/a_0123456789-_abcdefghij.safetensors";
  const HOUR_AGO = Date.now() / 1000 - 3600;

  test("latents that are older than their image are told of", async () => {
    await pair("cats/sub/a.png", noise(80));
    await pair("cats/sub/a_b.png", noise(80));
    await put(`cats/sub/${latents}`, "latents");
    expect(await found({ name: "cats", ...LOW })).toEqual({});
    await utimes(at(`cats/sub/${latents}`), HOUR_AGO, HOUR_AGO);
    expect(await found({ name: "cats", ...LOW })).toEqual({ stale_cache: ["sub/a.png"] });
  });

  test("so are those of an image that is not the one the trainer measured", async () => {
    await pair("cats/a.png", noise(80));
    await utimes(at("cats/a.png"), HOUR_AGO, HOUR_AGO);
    await put(`cats/${latents}`, "latents");
    const { size } = await stat(at("cats/a.png"));
    const record = (signature: string) =>
      put("cats/.aitk_size.json", JSON.stringify({ __version__: "0.1.2", "/a.png": [80, 80, signature] }));
    await record(`${size}:${Math.floor(HOUR_AGO)}`);
    expect(await found({ name: "cats", ...LOW })).toEqual({});
    await record(`${size + 1}:${Math.floor(HOUR_AGO)}`);
    expect(await found({ name: "cats", ...LOW })).toEqual({ stale_cache: ["a.png"] });
    await put("cats/.aitk_size.json", "{");
    expect(await found({ name: "cats", ...LOW })).toEqual({});
  });
});

describe("a data set that takes longer than one answer", () => {
  const many = async (count = 30) => {
    for (let index = 0; index < count; index++) await pair(`cats/${index}.png`, noise(64));
  };
  const cats = { name: "cats", ...LOW };
  /** Checks that look at no file to its end before they are let. */
  const held = () => {
    const slots = new Slots(1);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    onTestFinished(() => release());
    void slots.run(never, () => promise);
    return { impatient: checksOf({ budgetMs: 100, slots }), release };
  };
  const PATIENCE = { timeout: 20_000, interval: 10 };
  /** How many files are known to their end. */
  const kept = (): number => {
    const db = new DatabaseSync(join(paths.state, "checked-files.db"));
    const rows = db.prepare("SELECT facts FROM facts WHERE folder = ?").all(at("cats"));
    db.close();
    return rows.filter(({ facts }) => isWhole(JSON.parse(String(facts)))).length;
  };

  test("is answered in time with what is known by then, sizes first, and is gone on with by itself", async () => {
    await many();
    const { impatient, release } = held();
    await vi.waitFor(
      async () =>
        expect(await check(cats, impatient)).toMatchObject({
          ...{ verdict: null, complete: false, checked: 0, measured: 30, total: 30, caption_count: 30 },
          next: expect.stringContaining("again"),
          buckets: [{ buckets: [{ kind: "image", width: 64, height: 64, count: 30, repeats: 0 }] }],
        }),
      PATIENCE,
    );
    expect(kept()).toBe(0);
    release();
    await vi.waitFor(() => expect(kept()).toBe(30), PATIENCE);
    expect(await check(cats)).toMatchObject({ verdict: "ready", complete: true, checked: 30, next: null });
  });

  test("what is known is not decoded again, what has changed is", async () => {
    await many();
    await check(cats);
    const { impatient } = held();
    await vi.waitFor(
      async () => expect(await check(cats, impatient)).toMatchObject({ complete: true, checked: 30 }),
      PATIENCE,
    );
    await writeFile(at("cats/7.png"), await noise(20).png().toBuffer());
    const changed = { complete: false, checked: 29, measured: 30, findings: [{ finding: "tiny" }] };
    await vi.waitFor(async () => expect(await check(cats, impatient)).toMatchObject(changed), PATIENCE);
    expect((await check(cats)).findings).toMatchObject([{ finding: "tiny", examples: ["7.png: 20×20"] }]);
  });

  test("each answer tells what is on the disk by then, also while an earlier check goes on", async () => {
    await many();
    await rm(at("cats/3.txt"));
    const { impatient, release } = held();
    const findings = async () => (await check(cats, impatient)).findings.map(({ finding }) => finding);
    await vi.waitFor(async () => expect(await findings()).toEqual(["missing_caption"]), PATIENCE);
    await put("cats/3.txt", "the third");
    await vi.waitFor(async () => expect(await findings()).toEqual([]), PATIENCE);
    await rm(at("cats/5.png"));
    await rm(at("cats/5.txt"));
    release();
    await vi.waitFor(
      async () => expect(await check(cats, impatient)).toMatchObject({ complete: true, total: 29 }),
      PATIENCE,
    );
    expect(kept()).toBe(29);
  });

  test("an answer in the midst of the survey tells of as many files as it has seen", async () => {
    for (let index = 0; index < 2_500; index++) await put(`cats/${index}.txt`, `number ${index}`);
    for (let index = 0; index < 2_500; index++) await put(`cats/${index}.png`, small(index % 8));
    const hasty = checksOf({ budgetMs: 0 });
    const first = await check(cats, hasty);
    expect(first).toMatchObject({ complete: false, checked: 0, next: expect.any(String) });
    expect(first.measured).toBeLessThanOrEqual(first.total);
    await vi.waitFor(
      async () => expect(await check(cats, hasty)).toMatchObject({ total: 2_500, caption_count: 2_500 }),
      PATIENCE,
    );
  });

  test("tells how far it is", async () => {
    await many();
    await check(cats);
    expect(told.at(-1)).toEqual({ progress: 30, total: 30, message: "checked 30/30" });
    expect(told.length).toBeGreaterThan(2);
    const steps = told.map(({ progress }) => progress);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });

  test("stops when it is cancelled before it was answered, and keeps what it found out", async () => {
    await many();
    const cancel = new AbortController();
    const progress = ({ progress: checked }: Progress) => checked >= 5 && cancel.abort();
    const work = checks.check(v.parse(checkDataset.input, cats), { signal: cancel.signal, progress });
    await expect(work).rejects.toMatchObject({ name: "AbortError" });
    expect(checks.isIdle).toBe(true);
    await vi.waitFor(() => expect(kept()).toBeGreaterThanOrEqual(5), PATIENCE);
    expect(kept()).toBeLessThan(30);
  });

  test("one that an answer said would go on does so, whoever asks again and leaves", async () => {
    await many();
    const { impatient, release } = held();
    await check(cats, impatient);
    const leaving = new AbortController();
    const left = check(cats, impatient, leaving.signal);
    leaving.abort();
    await expect(left).rejects.toMatchObject({ name: "AbortError" });
    release();
    await vi.waitFor(() => expect(kept()).toBe(30), PATIENCE);
    await vi.waitFor(() => expect(impatient.isIdle).toBe(true), PATIENCE);
  });

  test("of more than four, the one that was begun first is not gone on with", async () => {
    await many(2);
    const { impatient, release } = held();
    for (let limit = 0; limit < 5; limit++) await pair(`dogs${limit}/1.png`, noise(64));
    await check(cats, impatient);
    for (let n = 0; n < 4; n++) await check({ name: `dogs${n}`, ...LOW }, impatient);
    release();
    await vi.waitFor(() => expect(impatient.isIdle).toBe(true), PATIENCE);
    expect(kept()).toBe(0);
    expect(await check(cats, impatient)).toMatchObject({ complete: true, checked: 2 });
  });
});

test("examples are few, the counts are whole", async () => {
  for (let index = 10; index < 30; index++) await put(`cats/${index}.png`, `no image ${index}`);
  const { findings } = await check({ name: "cats", limit: 2 });
  expect(findings).toMatchObject([
    {
      finding: "broken",
      severity: "error",
      count: 20,
      examples: ["10.png: not an image", "11.png: not an image"],
    },
    { finding: "missing_caption", severity: "warning", count: 20 },
  ]);
});

test("a folder the trainer cannot write to is told of", async (context) => {
  await pair("cats/a.png", noise(80));
  if (process.getuid?.() === 0) return context.skip("root may write everywhere");
  execFileSync("chmod", ["a-w", at("cats")]);
  expect(await found({ name: "cats", ...LOW })).toEqual({ not_writable: ["cats"] });
});

test("a data set that is empty, gone, or named badly", async () => {
  await mkdir(at("empty"));
  expect(await check({ name: "empty" })).toMatchObject({
    kind: null,
    verdict: "needs_attention",
    findings: [{ finding: "no_media" }],
    total: 0,
  });
  for (const name of ["gone", "../config", "/etc"]) {
    const error = await check({ name }).catch(toToolError);
    expect(["not_found", "invalid_input"]).toContain(errorBody(toToolError(error))["code"]);
  }
});

test("a damaged cache costs time only", async () => {
  await pair("cats/a.png", noise(80));
  await copyFile(at("cats/a.png"), join(paths.state, "checked-files.db"));
  expect(await check({ name: "cats", ...LOW })).toMatchObject({ verdict: "ready" });
});
