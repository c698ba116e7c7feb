import { createHash } from "node:crypto";
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CallContext } from "../../../shared/contract.ts";
import { errorBody, errorStatus, toToolError } from "../../../shared/errors.ts";
import {
  deleteModel,
  downloadModel,
  exportModel,
  listExportedModels,
  MAX_INLINE_MODEL_BYTES,
} from "../../../shared/tools/models.ts";
import { FileHashes } from "../../files/file-hashes.ts";
import { Trash } from "../../files/trash.ts";
import { createFolders, type Paths, pathsOf } from "../../paths.ts";
import { NOT_IN_USE, usedBy } from "../../testing/in-use.ts";
import { modelHandlers } from "./handlers.ts";

/** Written by ai-toolkit in a real run. */
const REAL = join(import.meta.dirname, "fixtures/tiny_run_v1_000000005.safetensors");
const content = await readFile(REAL);
const sha256 = createHash("sha256").update(content).digest("hex");

let base: string;
let paths: Paths;
let trash: Trash;
/** path → job */
let used: Map<string, string>;
let tools: ReturnType<typeof modelHandlers>;
const context: CallContext = { signal: new AbortController().signal, progress: () => {} };

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "models-")));
  paths = pathsOf({ data: join(base, "data") });
  await createFolders(paths);
  trash = new Trash(paths.trash);
  used = new Map();
  tools = modelHandlers({
    hashes: new FileHashes(),
    paths,
    trash,
    inUse: usedBy(used),
    jobs: async () => (folder) => (folder === join(paths.output, "run") ? "job-1" : undefined),
  });
});

afterEach(() => rm(base, { recursive: true, force: true }));

/** Puts a file below AI_TOOLKIT_PATH, a real model if nothing else is said. */
async function put(path: string, data: Buffer | string = content): Promise<string> {
  const full = join(paths.root, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, data);
  return full;
}

const list = async () =>
  v.parse(v.strictObject(listExportedModels.output.entries), await tools.list_exported_models({}, context))
    .models;
const exportIt = async (model_name: string, output_path?: string, overwrite = false) =>
  v.parse(
    v.strictObject(exportModel.output.entries),
    await tools.export_model({ model_name, output_path, overwrite }, context),
  );
const download = async (model_name: string, encoding: "base64" | "raw" = "base64") =>
  v.parse(
    v.strictObject(downloadModel.output.entries),
    await tools.download_model({ model_name, encoding }, context),
  );
const remove = async (name: string) =>
  v.parse(v.strictObject(deleteModel.output.entries), await tools.delete_model({ name }, context));

/** What a REST caller gets to see of a failure. */
async function failure(work: Promise<unknown>): Promise<{ status: number; body: Record<string, unknown> }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => toToolError(thrown),
  );
  if (!error) throw new Error("It did not fail");
  return { status: errorStatus(error), body: errorBody(error) };
}

const outputs = async () => (await readdir(paths.outputs, { recursive: true })).sort();

describe("list_exported_models", () => {
  test("D1: what runs write to output/ is listed as well as what was exported, with what the header says", async () => {
    await put("output/run/run_000000005.safetensors");
    await put("outputs/b.ckpt", "weights");
    const models = await list();
    expect(models.map(({ created_at: _time, ...model }) => model)).toEqual([
      {
        name: "b",
        extension: "ckpt",
        path: join(paths.outputs, "b.ckpt"),
        relative_path: "b.ckpt",
        size: 7,
        step: null,
        base_model: null,
        trigger_word: null,
        job_id: null,
        problem: null,
      },
      {
        name: "run_000000005",
        extension: "safetensors",
        path: join(paths.output, "run/run_000000005.safetensors"),
        relative_path: "run/run_000000005.safetensors",
        size: content.length,
        step: 5,
        base_model: "sd_1.5",
        trigger_word: "p3rs0n",
        job_id: "job-1",
        problem: null,
      },
    ]);
  });

  test("D3: a run's folder is searched, its optimizer state, samples, caches and unfinished files are no models", async () => {
    for (const name of [
      "run.safetensors",
      "optimizer.pt",
      "samples/x.pt",
      "_latent_cache/img_JhJ7DkJkSpxHr7uIcZh6dw.safetensors",
      ".partial-1.safetensors",
      ".hidden/x.safetensors",
      "loss_log.db",
      "config.yaml",
    ]) {
      await put(`output/run/${name}`);
    }
    await mkdir(join(paths.output, "run/folder.safetensors"));
    expect((await list()).map(({ relative_path }) => relative_path)).toEqual(["run/run.safetensors"]);
  });

  test("models are sorted by name, then by path", async () => {
    for (const path of ["output/z/b.pt", "output/a/b.pt", "outputs/b.pt", "outputs/a.pt", "outputs/B.pt"])
      await put(path, "x");
    const models = await list();
    expect(models.map(({ path }) => path.slice(paths.root.length + 1))).toEqual([
      "outputs/B.pt",
      "outputs/a.pt",
      "output/a/b.pt",
      "output/z/b.pt",
      "outputs/b.pt",
    ]);
  });

  test("each relative_path means exactly its own file", async () => {
    const files = [
      "outputs/x.pt",
      "output/x.pt",
      "output/x.safetensors",
      "outputs/x.pt.ckpt",
      "output/run/x.pt",
      "outputs/run/x.pt",
    ];
    for (const path of files) await put(path, path.endsWith("safetensors") ? content : path);
    const models = await list();
    expect(models).toHaveLength(files.length);
    for (const { relative_path, path } of models) {
      expect((await download(relative_path, "raw")).path).toBe(path);
    }
  });

  test("a model that is being saved, or whose saving was interrupted, says so", async () => {
    await put("output/run/run_000000010.safetensors", content.subarray(0, 40_000));
    const [model] = await list();
    expect(model).toMatchObject({ step: 10, problem: expect.stringContaining("The file is cut off") });
    await put("output/run/run_000000010.safetensors");
    expect((await list())[0]).toMatchObject({ step: 5, problem: null });
  });

  test("what a rehearsal wrote is not passed off as a trained model", async () => {
    const header = Buffer.from('{"__metadata__":{"rehearsal":"true"}}');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    await put("output/run/run.safetensors", Buffer.concat([length, header]));
    expect((await list())[0]?.problem).toBe("Written by a rehearsal: no real training is in it");
    expect(await exportIt("run")).toMatchObject({ trainer: "rehearsal" });
    expect(await download("run", "raw")).toMatchObject({ trainer: "rehearsal" });
  });

  test("links into the two folders are models, links out of them are not, and a linked folder is not walked twice", async () => {
    const real = await put("output/run/run.safetensors");
    await writeFile(join(base, "outside.safetensors"), content);
    await symlink(real, join(paths.outputs, "linked.safetensors"));
    await symlink(join(base, "outside.safetensors"), join(paths.outputs, "outside.safetensors"));
    await symlink("nowhere", join(paths.outputs, "dangling.safetensors"));
    await symlink(join(paths.output, "run"), join(paths.outputs, "again"));
    expect((await list()).map(({ name }) => name)).toEqual(["linked", "run"]);
    expect((await failure(download("outside"))).body).toMatchObject({ error: "Model not found" });
  });

  test("outputs as a link to output, an old remedy for D1, does not show everything twice", async () => {
    await put("output/run/run.safetensors");
    await rm(paths.outputs, { recursive: true });
    await symlink("output", paths.outputs);
    expect((await list()).map(({ path }) => path)).toEqual([join(paths.outputs, "run/run.safetensors")]);
  });

  test("missing folders hold no models", async () => {
    await rm(paths.output, { recursive: true });
    await rm(paths.outputs, { recursive: true });
    expect(await list()).toEqual([]);
  });
});

describe("the name of a model", () => {
  beforeEach(async () => {
    await put("output/run/run_000000250.safetensors");
  });

  test.each([
    "run_000000250",
    "run_000000250.safetensors",
    "run/run_000000250",
    "run/run_000000250.safetensors",
    "output/run/run_000000250",
    "output/run/run_000000250.safetensors",
  ])("may be its stem or its path, with or without extension: %s", async (name) => {
    expect(await download(name, "raw")).toMatchObject({
      model: name,
      path: join(paths.output, "run/run_000000250.safetensors"),
    });
  });

  test.each([
    "",
    "../x",
    "/etc/passwd",
    "a\0b",
    "run",
    "run/optimizer",
    "optimizer",
    "x".repeat(300),
    "output/",
    "./run",
  ])("that no model can have is simply not found: %j", async (name) => {
    await put("output/run/optimizer.pt", "x");
    await put("outputs/optimizer.pt", "x");
    expect(await failure(download(name))).toEqual({
      status: 200,
      body: { error: "Model not found", code: "not_found", hint: expect.any(String) },
    });
  });

  test("means outputs before output, and .safetensors before .ckpt before .pt", async () => {
    for (const path of ["output/x.safetensors", "outputs/x.pt", "outputs/x.ckpt"]) {
      await put(path, path.endsWith("safetensors") ? content : "weights");
    }
    expect((await download("x", "raw")).path).toBe(join(paths.outputs, "x.ckpt"));
    await put("outputs/x.safetensors");
    expect((await download("x", "raw")).path).toBe(join(paths.outputs, "x.safetensors"));
    expect((await download("output/x", "raw")).path).toBe(join(paths.output, "x.safetensors"));
    expect((await download("x.pt", "raw")).path).toBe(join(paths.outputs, "x.pt"));
  });

  test("of several in run folders means the newest", async () => {
    await utimes(await put("output/a/lora.safetensors"), 1_000, 1_000);
    await utimes(await put("output/b/lora.safetensors"), 2_000, 2_000);
    expect((await download("lora", "raw")).path).toBe(join(paths.output, "b/lora.safetensors"));
    await utimes(join(paths.output, "a/lora.safetensors"), 3_000, 3_000);
    expect((await download("lora", "raw")).path).toBe(join(paths.output, "a/lora.safetensors"));
    await utimes(await put("outputs/old/lora.safetensors"), 1, 1);
    expect((await download("lora", "raw")).path).toBe(join(paths.outputs, "old/lora.safetensors"));
  });

  test("D28: may hold two dots in a row", async () => {
    await put("outputs/my..lora.safetensors");
    expect((await download("my..lora", "raw")).model).toBe("my..lora");
  });
});

describe("export_model", () => {
  test("copies to outputs under the model's own name, verified", async () => {
    const source = await put("output/run/run_000000250.safetensors");
    expect(await exportIt("run_000000250")).toEqual({
      path: join(paths.outputs, "run_000000250.safetensors"),
      status: "success",
      size: content.length,
      sha256,
      copied: true,
    });
    expect(await readFile(join(paths.outputs, "run_000000250.safetensors"))).toEqual(content);
    expect(await readFile(source)).toEqual(content);
    expect(await outputs()).toEqual(["run_000000250.safetensors"]);
  });

  test("D2: exporting a model onto itself leaves it as it is", async () => {
    const path = await put("outputs/x.safetensors");
    expect(await exportIt("x")).toEqual({
      path,
      status: "success",
      size: content.length,
      sha256,
      copied: false,
    });
    expect(await exportIt("x", "x.safetensors", true)).toMatchObject({ copied: false });
    expect(await readFile(path)).toEqual(content);
  });

  test("D2: also when it is the same file through a symlink or a hard link", async () => {
    const source = await put("output/run/x.safetensors");
    await symlink(source, join(paths.outputs, "x.safetensors"));
    await link(source, join(paths.outputs, "hard.safetensors"));
    expect(await exportIt("run/x", undefined, true)).toMatchObject({ copied: false, sha256 });
    expect(await exportIt("run/x", "hard", true)).toMatchObject({ copied: false, sha256 });
    expect(await readlink(join(paths.outputs, "x.safetensors"))).toBe(source);
    expect(await readFile(source)).toEqual(content);
  });

  test("D2: a .ckpt stays a .ckpt: another format's extension is refused, a missing one is added", async () => {
    await put("output/run/x.ckpt", "weights");
    const { status, body } = await failure(exportIt("x", "nice/y.safetensors"));
    expect(status).toBe(400);
    expect(body.error).toBe(
      "Invalid parameters: Invalid output path: the model is a .ckpt file and export_model does not convert it; use nice/y.ckpt",
    );
    expect((await exportIt("x")).path).toBe(join(paths.outputs, "x.ckpt"));
    expect((await exportIt("x", "nice/v1.5")).path).toBe(join(paths.outputs, "nice/v1.5.ckpt"));
    expect((await exportIt("x", "nice/my..lora.ckpt")).path).toBe(join(paths.outputs, "nice/my..lora.ckpt"));
    expect(await outputs()).toEqual(["nice", "nice/my..lora.ckpt", "nice/v1.5.ckpt", "x.ckpt"]);
  });

  describe("to a folder outside", () => {
    const comfy = () => join(base, "ComfyUI/models/loras");
    const outside = async (input: {
      destination?: string;
      name_template?: string;
      output_path?: string;
      overwrite?: boolean;
    }) => {
      const there = modelHandlers({
        hashes: new FileHashes(),
        paths: { ...paths, exportRoots: [{ name: "comfy", path: comfy() }] },
        trash,
        inUse: NOT_IN_USE,
        jobs: async () => () => undefined,
      });
      return there.export_model({ model_name: "run_000000005", overwrite: false, ...input }, context);
    };
    beforeEach(async () => {
      await put("output/run/run_000000005.safetensors");
      await mkdir(comfy(), { recursive: true });
    });

    test("an allowed one, by name or path: a verified copy under a name from the template", async () => {
      const path = join(comfy(), "sd_1.5/run_5_p3rs0n.safetensors");
      const input = { destination: "comfy", name_template: "{base}/{name}_{step}_{trigger}" };
      expect(await outside(input)).toMatchObject({ path, copied: true, sha256 });
      expect(await readFile(path)).toEqual(content);
      expect(await outside({ ...input, destination: comfy() })).toMatchObject({
        path,
        copied: false,
        sha256,
      });
      expect(await outputs()).toEqual([]);
    });

    test("{date} is the day on which the model was written; without destination the copy goes to outputs", async () => {
      await utimes(join(paths.output, "run/run_000000005.safetensors"), 0, 86_400 * 365);
      expect(await outside({ name_template: "{name}-{date}" })).toMatchObject({
        path: join(paths.outputs, "run-1971-01-01.safetensors"),
      });
      expect(await outside({ destination: "comfy", output_path: "mine" })).toMatchObject({
        path: join(comfy(), "mine.safetensors"),
      });
    });

    test.each([
      [{ destination: "elsewhere" }, 'no export folder "elsewhere" on this machine; there is outputs, comfy'],
      [{ destination: "/etc" }, 'no export folder "/etc"'],
      [{ destination: "comfy", name_template: "../{name}" }, "parent directory references not allowed"],
      [{ destination: "comfy", name_template: "/{name}" }, "Absolute path not allowed"],
      [{ destination: "comfy", name_template: "{nmae}" }, "there is no {nmae}; there is {name}, {step}"],
      [{ destination: "comfy", name_template: "{name" }, "a brace is not closed"],
      [{ name_template: "{name}", output_path: "x" }, "not both"],
    ])("%j is refused and nothing is written", async (input, sentence) => {
      const { status, body } = await failure(outside(input));
      expect(status).toBe(400);
      expect(body.error).toContain(sentence);
      expect(await readdir(comfy())).toEqual([]);
      expect(await outputs()).toEqual([]);
    });

    test("a value that nobody knows is said, not made up", async () => {
      await rm(join(paths.output, "run/run_000000005.safetensors"));
      await put("output/run/run_000000005.ckpt", "weights");
      const { body } = await failure(outside({ name_template: "{name}_{trigger}" }));
      expect(body.error).toContain("the {trigger} of this model is not known");
    });

    test("a folder that is not there, a disk not mounted, say, is not made", async () => {
      await rm(comfy(), { recursive: true });
      const { status, body } = await failure(outside({ destination: "comfy" }));
      expect(status).toBe(404);
      expect(body.error).toBe(`The export folder comfy (${comfy()}) is not there`);
      await expect(readdir(comfy())).rejects.toThrow("ENOENT");
    });

    test("a link in there does not lead the copy away", async () => {
      await symlink(base, join(comfy(), "link"));
      const { body } = await failure(outside({ destination: "comfy", output_path: "link/x" }));
      expect(body.error).toContain("traversal attempt detected");
    });
  });

  test("another file at the target is kept unless it may be overwritten", async () => {
    await put("output/run/x.safetensors");
    const target = await put("outputs/x.safetensors", "something else");
    const { status, body } = await failure(exportIt("run/x"));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: "conflict",
      error: "outputs/x.safetensors exists and is not this model",
    });
    expect(await readFile(target, "utf8")).toBe("something else");
    expect(await exportIt("run/x", undefined, true)).toMatchObject({ copied: true, sha256 });
    expect(await readFile(target)).toEqual(content);
  });

  test("exporting the same once more succeeds, as it always did", async () => {
    await put("output/run/x.safetensors");
    expect(await exportIt("run/x", "y")).toMatchObject({ copied: true });
    expect(await exportIt("run/x", "y")).toMatchObject({ copied: false, sha256 });
    await writeFile(join(paths.outputs, "y.safetensors"), Buffer.alloc(content.length));
    expect((await failure(exportIt("run/x", "y"))).body.code).toBe("conflict");
  });

  test("a folder, or a link to elsewhere, at the target is never written through", async () => {
    await put("output/run/x.safetensors");
    await mkdir(join(paths.outputs, "folder.safetensors"));
    expect((await failure(exportIt("x", "folder", true))).status).toBe(409);
    const outside = join(base, "outside.safetensors");
    await writeFile(outside, "precious");
    await symlink(outside, join(paths.outputs, "link.safetensors"));
    expect((await failure(exportIt("x", "link"))).status).toBe(409);
    await exportIt("x", "link", true);
    expect(await readFile(outside, "utf8")).toBe("precious");
    await writeFile(join(base, "same.safetensors"), content);
    await symlink(join(base, "same.safetensors"), join(paths.outputs, "same.safetensors"));
    expect((await failure(exportIt("x", "same"))).status).toBe(409);
    await symlink(base, join(paths.outputs, "linked-folder"));
    expect((await failure(exportIt("x", "linked-folder/new"))).body.error).toContain(
      "traversal attempt detected",
    );
    await symlink(join(base, "nowhere.safetensors"), join(paths.outputs, "dangling.safetensors"));
    expect((await failure(exportIt("x", "dangling"))).status).toBe(409);
    expect((await readdir(base)).sort()).toEqual(["data", "outside.safetensors", "same.safetensors"]);
  });

  test("an output path outside the outputs folder is refused, also for a model that is not there", async () => {
    for (const [path, text] of [
      [
        "../x",
        "Path traversal attempt detected: Invalid output path: parent directory references not allowed",
      ],
      ["/tmp/x", "Absolute path not allowed"],
      ["", "Empty path provided"],
    ] as const) {
      const { status, body } = await failure(exportIt("nothing", path));
      expect(status).toBe(400);
      expect(body.error).toBe(`Invalid parameters: Invalid output path: ${text}`);
    }
    expect(await failure(exportIt("nothing", "x"))).toMatchObject({
      status: 200,
      body: { error: "Model not found" },
    });
  });

  test("a model that is not whole is not exported, and nothing is left behind", async () => {
    await truncate(await put("output/run/x.safetensors"), 30_000);
    const { status, body } = await failure(exportIt("x", "new/y"));
    expect(status).toBe(409);
    expect(body.error).toContain("The model x cannot be used. The file is cut off");
    expect(await outputs()).toEqual([]);
  });

  test("a cancelled export leaves nothing behind, not even the folder it made", async () => {
    await put("output/run/x.ckpt", Buffer.alloc(8_000_000));
    const cancel = new AbortController();
    const exporting = tools.export_model(
      { model_name: "x", output_path: "new/folder/y", overwrite: false },
      { signal: cancel.signal, progress: () => cancel.abort() },
    );
    expect((await failure(Promise.resolve(exporting))).body.code).toBe("cancelled");
    expect(await outputs()).toEqual([]);
  });

  test("of many exports to one name one copies, and what lies there is whole", async () => {
    await put("output/a/x.ckpt", Buffer.alloc(3_000_000, "a"));
    await put("output/b/x.ckpt", Buffer.alloc(3_000_000, "b"));
    const exports = ["a/x", "b/x", "a/x", "b/x"].map((name) =>
      exportIt(name, "new/y").catch(() => undefined),
    );
    const copied = (await Promise.all(exports)).filter((answer) => answer?.copied);
    expect(copied).toHaveLength(1);
    const digest = createHash("sha256").update(await readFile(join(paths.outputs, "new/y.ckpt")));
    expect(digest.digest("hex")).toBe(copied[0]?.sha256);
    expect(await outputs()).toEqual(["new", "new/y.ckpt"]);
  });

  test("progress goes up to 100 and is told a bounded number of times", async () => {
    await put("output/run/x.ckpt", Buffer.alloc(60_000_000));
    const told: number[] = [];
    const progress: CallContext["progress"] = (step) => told.push(step.progress);
    await tools.export_model({ model_name: "x", overwrite: false }, { signal: context.signal, progress });
    expect(told.at(-1)).toBe(100);
    expect(told.length).toBeLessThanOrEqual(100);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });
});

describe("download_model", () => {
  test("answers with the whole file in base64 when that is asked for", async () => {
    const path = await put("outputs/x.safetensors");
    const answer = await download("x");
    expect(answer).toEqual({
      model: "x",
      size: content.length,
      status: "success",
      path,
      sha256,
      data: content.toString("base64"),
    });
  });

  test("D11: raw answers with path, size and hash, and no bytes", async () => {
    const path = await put("outputs/x.safetensors");
    const { note, ...answer } = await download("x", "raw");
    expect(answer).toEqual({ model: "x", size: content.length, status: "success", path, sha256 });
    expect(note).toContain("Raw mode not fully supported in JSON response");
  });

  test("D11: a large file is refused in base64 in the old words, and fine as raw", async () => {
    await truncate(await put("outputs/large.ckpt", ""), MAX_INLINE_MODEL_BYTES + 13_003_000);
    const { status, body } = await failure(download("large"));
    expect(status).toBe(200);
    expect(body).toEqual({
      error: "Model too large for download",
      code: "too_large",
      max_size: 104_857_600,
      note: "Use export_model to copy to a location, or access the file directly at the path",
      size: 117_860_600,
      size_mb: 112.4,
      hint: "create_download_link gives a link and a curl line for it, whatever its size",
    });
    expect(await download("large", "raw")).toMatchObject({ size: 117_860_600 });
  });

  test("a model that is not whole is refused", async () => {
    await put("outputs/x.safetensors", content.subarray(0, 100));
    for (const encoding of ["base64", "raw"] as const) {
      expect((await failure(download("x", encoding))).status).toBe(409);
    }
  });

  test("a changed file has another hash, however often it was asked for", async () => {
    const path = await put("outputs/x.ckpt", "first");
    await utimes(path, 1_000, 1_000);
    const hashes = [(await download("x", "raw")).sha256, (await download("x", "raw")).sha256];
    await writeFile(path, "other");
    await utimes(path, 1_000, 1_000);
    hashes.push((await download("x", "raw")).sha256);
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[2]).toBe(createHash("sha256").update("other").digest("hex"));
  });
});

describe("delete_model", () => {
  test("D29: moves every format of the name in that folder to the trash", async () => {
    for (const name of ["x.safetensors", "x.ckpt", "x.pt", "x.txt", "xx.pt"]) await put(`outputs/${name}`);
    await put("output/run/x.safetensors");
    const answer = await remove("x");
    expect(answer).toEqual({
      deleted: "x",
      success: true,
      trash_id: answer.trash_id,
      files: ["x.safetensors", "x.ckpt", "x.pt"].map((name) => join(paths.outputs, name)),
    });
    expect(await outputs()).toEqual(["x.txt", "xx.pt"]);
    expect(await readdir(join(paths.output, "run"))).toEqual(["x.safetensors"]);
    const [entry] = await trash.list();
    expect(entry).toMatchObject({ id: answer.trash_id, kind: "model", name: "x", paths: answer.files });
    if (entry) expect(await readFile(trash.contentPath(entry, "x.safetensors"))).toEqual(content);
  });

  test("D29: named with its extension, only that file goes", async () => {
    await put("outputs/x.ckpt");
    await put("outputs/x.safetensors");
    await put("output/run/y.pt");
    await put("output/run/y.ckpt");
    await remove("x.ckpt");
    await remove("y.pt");
    expect(await outputs()).toEqual(["x.safetensors"]);
    expect(await readdir(join(paths.output, "run"))).toEqual(["y.ckpt"]);
  });

  test("never the optimizer state", async () => {
    await put("output/run/optimizer.pt", "state");
    await put("output/run/optimizer.ckpt", "a model with an unlucky name");
    await remove("run/optimizer");
    expect(await readdir(join(paths.output, "run"))).toEqual(["optimizer.pt"]);
  });

  test("D29: is refused while an unfinished job uses it, naming the job", async () => {
    const path = await put("output/run/x.safetensors");
    used.set(path, "job-1");
    const { status, body } = await failure(remove("x"));
    expect(status).toBe(409);
    expect(body).toMatchObject({
      code: "conflict",
      error: "The model x lies in the output folder of the training job job-1",
    });
    expect(await readdir(join(paths.output, "run"))).toEqual(["x.safetensors"]);
  });

  test("a bare name that means models in several runs is not guessed", async () => {
    await put("output/a/lora.safetensors");
    await put("output/b/lora.safetensors");
    const { status, body } = await failure(remove("lora"));
    expect(status).toBe(409);
    expect(body.error).toContain("output/a/lora.safetensors");
    expect(body.error).toContain("output/b/lora.safetensors");
    await remove("a/lora");
    expect((await list()).map(({ relative_path }) => relative_path)).toEqual(["b/lora.safetensors"]);
  });

  test("of a link only the link goes, and not while a job uses what it leads to", async () => {
    const source = await put("output/run/x.safetensors");
    await symlink(source, join(paths.outputs, "linked.safetensors"));
    used.set(source, "job-1");
    expect((await failure(remove("linked"))).status).toBe(409);
    used.clear();
    await remove("linked");
    expect(await outputs()).toEqual([]);
    expect(await readFile(source)).toEqual(content);
  });

  test("what is not there is not found; of two deletes at once one succeeds", async () => {
    for (const name of ["nothing", "../x", "run/nothing", ""]) {
      expect(await failure(remove(name))).toEqual({
        status: 200,
        body: { error: "Model not found", success: false, code: "not_found", hint: expect.any(String) },
      });
    }
    await put("outputs/x.safetensors");
    const both = await Promise.allSettled([remove("x"), remove("x")]);
    expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const [lost] = both.filter((each) => each.status === "rejected");
    expect(toToolError(lost?.reason).code).toBe("not_found");
  });
});
