// contract.md §2.1: the tools for trained models.
import { copyFile, mkdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Chapter } from "./chapter.ts";

/** A LoRA that ai-toolkit really trained. */
const LORA = join(import.meta.dirname, "../../tools/models/fixtures/tiny_run_v1_000000005.safetensors");

const TOO_LARGE_BYTES = 104_857_601;

/** Apart, because it moves 140 MB of JSON. */
export const largeModels: Chapter = (subject) => {
  test("D11: a model above 100 MiB is refused as ever, one of exactly that size is not", async () => {
    const { execute, call, paths } = subject();
    await mkdir(join(paths.output, "run_g"), { recursive: true });
    const file = join(paths.output, "run_g/huge.ckpt"); // no header to check; sparse, so that it costs nothing
    await writeFile(file, "");
    await truncate(file, TOO_LARGE_BYTES);
    const reply = await execute("download_model", { model_name: "huge" });
    expect(reply).toMatchObject({
      status: 200,
      success: false,
      error: "Model too large for download",
      code: "too_large",
    });
    expect(reply.json).toMatchObject({
      error: "Model too large for download",
      max_size: 104_857_600,
      note: expect.stringContaining("Use export_model"),
      size: TOO_LARGE_BYTES,
      size_mb: 100,
    });
    await truncate(file, TOO_LARGE_BYTES - 1);
    const { size, data } = await call("download_model", { model_name: "huge" });
    expect(size).toBe(104_857_600);
    expect((data as string).length).toBe(Math.ceil(104_857_600 / 3) * 4);
    await truncate(file, 1);
  });
};

export const models: Chapter = (subject) => {
  async function putModel(path: string, source = LORA): Promise<string> {
    const target = join(subject().paths.root, path);
    await mkdir(join(target, ".."), { recursive: true });
    await copyFile(source, target);
    return target;
  }

  test("D1, D3: models of runs are listed, their optimizer's state is not", async () => {
    const { call } = subject();
    const path = await putModel("output/run_a/run_a_000000005.safetensors");
    await putModel("output/run_a/optimizer.pt");
    await putModel("outputs/exported.safetensors");
    const { models: listed } = (await call("list_exported_models")) as { models: { name: string }[] };
    const names = listed.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["run_a_000000005", "exported"]));
    expect(names).not.toContain("optimizer");
    expect(listed.find(({ name }) => name === "run_a_000000005")).toMatchObject({
      extension: "safetensors",
      path,
      size: (await stat(LORA)).size,
      created_at: expect.stringMatching(/Z$/),
      step: 5,
    });
  });

  test("export_model copies the file, byte for byte", async () => {
    const { call, paths } = subject();
    await putModel("output/run_b/run_b_000000005.safetensors");
    const answer = await call("export_model", {
      model_name: "run_b_000000005",
      output_path: "shared/b.safetensors",
    });
    const path = join(paths.outputs, "shared/b.safetensors");
    expect(answer).toMatchObject({ path, status: "success" });
    expect(await readFile(path)).toEqual(await readFile(LORA));
  });

  test("D2: export_model onto itself changes nothing", async () => {
    const { call } = subject();
    const path = await putModel("outputs/itself.safetensors");
    expect(await call("export_model", { model_name: "itself" })).toMatchObject({
      path,
      status: "success",
      copied: false,
    });
    expect(await readFile(path)).toEqual(await readFile(LORA));
  });

  test("D2: a .ckpt keeps its format", async () => {
    const { call, execute, paths } = subject();
    await putModel("output/run_c/old.ckpt");
    expect(await call("export_model", { model_name: "old" })).toMatchObject({
      path: join(paths.outputs, "old.ckpt"),
    });
    const renamed = await execute("export_model", { model_name: "old", output_path: "old.safetensors" });
    expect(renamed).toMatchObject({ status: 400, code: "invalid_input" });
  });

  test("export_model replaces another file only when asked", async () => {
    const { call, execute, paths } = subject();
    await putModel("output/run_d/run_d.safetensors");
    await writeFile(join(paths.outputs, "taken.safetensors"), "something else");
    const args = { model_name: "run_d", output_path: "taken.safetensors" };
    expect(await execute("export_model", args)).toMatchObject({ status: 409, code: "conflict" });
    expect(await readFile(join(paths.outputs, "taken.safetensors"), "utf8")).toBe("something else");
    await call("export_model", { ...args, overwrite: true });
    expect(await readFile(join(paths.outputs, "taken.safetensors"))).toEqual(await readFile(LORA));
  });

  test("download_model gives the file as base64", async () => {
    await putModel("output/run_e/run_e.safetensors");
    const bytes = await readFile(LORA);
    expect(await subject().call("download_model", { model_name: "run_e" })).toMatchObject({
      model: "run_e",
      size: bytes.length,
      status: "success",
      data: bytes.toString("base64"),
    });
  });

  test("D11: download_model raw gives size, path and hash, and no data", async () => {
    const path = await putModel("output/run_f/run_f.safetensors");
    const answer = await subject().call("download_model", { model_name: "run_f", encoding: "raw" });
    expect(answer).toMatchObject({
      model: "run_f",
      size: (await stat(LORA)).size,
      status: "success",
      path,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      note: expect.stringContaining("Raw mode not fully supported in JSON response"),
    });
    expect(answer).not.toHaveProperty("data");
  });

  test("D30: a model that is not there, or cannot be, is a soft error", async () => {
    for (const model_name of ["gone", "", "../x", "/etc/passwd", "a/../b"]) {
      for (const tool of ["export_model", "download_model"]) {
        const reply = await subject().execute(tool, { model_name });
        expect(reply, `${tool} ${model_name}`).toMatchObject({
          status: 200,
          success: false,
          code: "not_found",
        });
        expect(reply.json).toEqual({ error: "Model not found", code: "not_found", hint: expect.any(String) });
      }
      const deleted = await subject().execute("delete_model", { name: model_name });
      expect(deleted.json).toEqual({
        error: "Model not found",
        success: false,
        code: "not_found",
        hint: expect.any(String),
      });
    }
  });

  test("delete_model moves the file to the trash; its argument is `name`", async () => {
    const { call, execute } = subject();
    await putModel("outputs/unwanted.safetensors");
    expect(await execute("delete_model", { model_name: "unwanted" })).toMatchObject({
      status: 400,
      error: "Invalid parameters: Missing 'name' parameter",
    });
    expect(await call("delete_model", { name: "unwanted" })).toMatchObject({
      deleted: "unwanted",
      success: true,
    });
    expect(await execute("download_model", { model_name: "unwanted" })).toMatchObject({ code: "not_found" });
  });

  test("D3: a checkpoint that was cut off is shown as such and never handed out", async () => {
    const { call, execute } = subject();
    const path = await putModel("output/run_h/cut.safetensors");
    await truncate(path, 5_000);
    const { models: listed } = (await call("list_exported_models")) as {
      models: { name: string; problem: string }[];
    };
    expect(listed.find(({ name }) => name === "cut")?.problem).toContain("cut off");
    expect(
      await execute("export_model", { model_name: "cut", output_path: "cut.safetensors" }),
    ).toMatchObject({ code: "conflict" });
  });
};
