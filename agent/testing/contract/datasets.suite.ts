// contract.md §2.1: the tools for data sets.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { picturePath, putDataset } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

export const datasets: Chapter = (subject) => {
  const jpg = async () => (await readFile(picturePath("img1.jpg"))).toString("base64");

  test("upload_dataset saves images and captions", async () => {
    const { call, paths } = subject();
    const data = await jpg();
    const answer = await call("upload_dataset", {
      dataset_name: "uploaded",
      images: [
        { filename: "a.jpg", data, caption: "a cat" },
        { filename: "b.jpg", data: `data:image/jpeg;base64,${data}`, caption: "another" },
      ],
    });
    const path = join(paths.datasets, "uploaded");
    expect(answer).toMatchObject({ dataset: "uploaded", images_saved: 2, path, status: "success" });
    expect(await readFile(join(path, "a.jpg"))).toEqual(await readFile(picturePath("img1.jpg")));
    expect(await readFile(join(path, "a.txt"), "utf8")).toBe("a cat");
    expect(await readFile(join(path, "b.txt"), "utf8")).toBe("another");
  });

  test("D10: each image that fails is named with its reason, the others are saved", async () => {
    const data = await jpg();
    const answer = await subject().call("upload_dataset", {
      dataset_name: "partly",
      images: [
        { filename: "good.jpg", data, caption: "" },
        { filename: "cut.jpg", data: data.slice(0, 400), caption: "" },
        { filename: "text.jpg", data: Buffer.from("no image").toString("base64"), caption: "" },
        { filename: "odd.jpg", data: "§§§", caption: "" },
        { filename: "../out.jpg", data, caption: "" },
        { filename: "good.jpg", data, caption: "again" },
        "nonsense",
      ],
    });
    expect(answer).toMatchObject({
      status: "success",
      images_saved: 1,
      images_received: 7,
      images_failed: 6,
    });
    const failed = answer["failed"] as { index: number; reason: string }[];
    expect(failed.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(failed[3]?.reason).toContain("parent directory references not allowed");
  });

  test("D10: an upload of which nothing could be saved failed, and leaves no folder", async () => {
    const { execute, paths } = subject();
    const reply = await execute("upload_dataset", {
      dataset_name: "all_bad",
      images: [{ filename: "a.png", data: "aGVsbG8=", caption: "" }],
    });
    expect(reply).toMatchObject({
      status: 200,
      success: false,
      code: "invalid_input",
      result: { isError: true },
    });
    expect(reply.json).toMatchObject({
      status: "error",
      images_saved: 0,
      images_failed: 1,
      code: "invalid_input",
    });
    await expect(readFile(join(paths.datasets, "all_bad"))).rejects.toThrow("ENOENT");
  });

  test.each([
    [{ images: [] }, "dataset_name"],
    [{ dataset_name: "x" }, "images"],
    [{ dataset_name: "x", images: "a.png" }, "images"],
  ])("upload_dataset(%j) misses %s", async (args, name) => {
    const reply = await subject().execute("upload_dataset", args);
    expect(reply).toMatchObject({ status: 400, error: `Invalid parameters: Missing '${name}' parameter` });
  });

  test("D26: list_datasets counts images, captions and bytes", async () => {
    const { call, paths } = subject();
    const folder = await putDataset(paths, "counted");
    await rm(join(folder, "img1.txt"));
    const { datasets: listed } = (await call("list_datasets")) as { datasets: { name: string }[] };
    const names = listed.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect(listed.find(({ name }) => name === "counted")).toMatchObject({
      path: folder,
      image_count: 4,
      caption_count: 3,
      missing_captions: ["img1.jpg"],
      total_size_bytes: expect.any(Number),
    });
  });

  test("get_dataset_info", async () => {
    const { call, paths } = subject();
    const folder = await putDataset(paths, "described");
    expect(await call("get_dataset_info", { name: "described" })).toMatchObject({
      name: "described",
      path: folder,
      image_count: 4,
      caption_count: 4,
      captions_complete: true,
      missing_captions: "[]",
      missing_caption_files: [],
      total_size_mb: expect.any(Number),
    });
  });

  test("D26: missing captions keep the old server's text, and come as a list, too", async () => {
    const { call, paths } = subject();
    const folder = join(paths.datasets, "captionless");
    await mkdir(folder);
    const image = await readFile(picturePath("img1.jpg"));
    const files = Array.from({ length: 12 }, (_, index) => `p${String(index).padStart(2, "0")}.jpg`);
    for (const file of files.slice(0, 2)) await writeFile(join(folder, file), image);
    expect(await call("get_dataset_info", { name: "captionless" })).toMatchObject({
      missing_captions: '["p00.jpg", "p01.jpg"]',
      missing_caption_files: ["p00.jpg", "p01.jpg"],
      captions_complete: false,
    });
    for (const file of files) await writeFile(join(folder, file), image);
    expect(await call("get_dataset_info", { name: "captionless" })).toMatchObject({
      missing_captions: `12 images missing captions (showing first 10): [${files
        .slice(0, 10)
        .map((file) => `"${file}"`)
        .join(", ")}]`,
      missing_caption_files: files,
    });
  });

  test("D30: a data set that is not there is a soft error", async () => {
    const info = await subject().execute("get_dataset_info", { name: "gone" });
    expect(info).toMatchObject({
      status: 200,
      success: false,
      error: "Dataset not found",
      code: "not_found",
    });
    expect(info.json).toEqual({ error: "Dataset not found", code: "not_found", hint: expect.any(String) });
    const deleted = await subject().execute("delete_dataset", { name: "gone" });
    expect(deleted.json).toEqual({
      error: "Dataset not found",
      success: false,
      code: "not_found",
      hint: expect.any(String),
    });
  });

  test("D29: delete_dataset moves the folder to the trash, whole", async () => {
    const { call, execute, paths } = subject();
    await putDataset(paths, "unwanted");
    const { trash_id, ...answer } = await call("delete_dataset", { name: "unwanted" });
    expect(answer).toMatchObject({ deleted: "unwanted", success: true });
    expect(await execute("get_dataset_info", { name: "unwanted" })).toMatchObject({ code: "not_found" });
    expect(await readFile(join(paths.trash, String(trash_id), "content/unwanted/img1.txt"), "utf8")).not.toBe(
      "",
    );
  });
};
