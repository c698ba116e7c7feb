// The tools that read and change captions.
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { putDataset } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

export const captions: Chapter = (subject) => {
  test("captions are read a page at a time, and those that are missing by themselves", async () => {
    const { call, paths } = subject();
    const folder = await putDataset(paths, "captioned");
    await rm(join(folder, "img3.txt"));
    const first = await call("get_captions", { name: "captioned", limit: 3 });
    expect(first).toMatchObject({
      captions: [
        { image: "img1.jpg", caption: expect.any(String) },
        { image: "img2.png", caption: expect.any(String) },
        { image: "img3.jpg", caption: null },
      ],
      total: 4,
      next_cursor: "img3.jpg",
    });
    expect(await call("get_captions", { name: "captioned", cursor: first["next_cursor"] })).toMatchObject({
      captions: [{ image: "img4.png" }],
      next_cursor: null,
    });
    expect(await call("get_captions", { name: "captioned", missing: true })).toMatchObject({
      captions: [{ image: "img3.jpg" }],
      total: 1,
    });
  });

  test("captions are written, replaced after a dry run, and brought back", async () => {
    const { call, paths } = subject();
    const folder = await putDataset(paths, "edited");
    const text = () => readFile(join(folder, "img1.txt"), "utf8");
    const before = await text();
    const set = await call("set_captions", {
      name: "edited",
      captions: [{ image: "img1.jpg", caption: "a red square" }],
    });
    expect(set).toMatchObject({ saved: 1, failed: [], trash_id: expect.any(String) });
    expect(await text()).toBe("a red square");

    const change = { name: "edited", find: "red", replace: "blue" };
    expect(await call("replace_in_captions", change)).toMatchObject({
      dry_run: true,
      changed: 1,
      examples: [{ image: "img1.jpg", before: "a red square", after: "a blue square" }],
    });
    expect(await text()).toBe("a red square");
    await call("replace_in_captions", { ...change, dry_run: false });
    expect(await text()).toBe("a blue square");

    expect(await call("restore_deleted", { trash_id: set["trash_id"] })).toMatchObject({
      restored: { kind: "captions", name: "edited" },
    });
    expect(await text()).toBe(before);
  });

  test("what cannot be done is refused with what to do next", async () => {
    const { execute, paths } = subject();
    await putDataset(paths, "refusing");
    expect(await execute("get_captions", { name: "gone" })).toMatchObject({ code: "not_found" });
    expect(await execute("replace_in_captions", { name: "refusing" })).toMatchObject({
      code: "invalid_input",
    });
    expect(
      await execute("set_captions", { name: "refusing", captions: [{ image: "../x.png", caption: "x" }] }),
    ).toMatchObject({ success: false, code: "invalid_input" });
  });
};
