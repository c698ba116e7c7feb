// check_dataset: what a client learns of a data set before it trains on it.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { putDataset } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

export const datasetCheck: Chapter = (subject) => {
  test("a data set that is fine is ready, with the buckets of a recorded run", async () => {
    const { call, paths } = subject();
    await putDataset(paths, "checked");
    expect(await call("check_dataset", { name: "checked", arch: "sd15", resolution: 64 })).toMatchObject({
      name: "checked",
      kind: "image",
      verdict: "ready",
      complete: true,
      checked: 4,
      total: 4,
    });
    expect(await call("check_dataset", { name: "checked", arch: "sd15", resolution: 256 })).toMatchObject({
      divisibility: 16,
      buckets: [
        {
          resolution: 256,
          buckets: [
            { width: 128, height: 128, count: 2 },
            { width: 160, height: 96, count: 1 },
            { width: 96, height: 160, count: 1 },
          ],
        },
      ],
    });
  });

  test("what is wrong is named, the worst first, with examples and what it means", async () => {
    const { call, paths } = subject();
    const folder = await putDataset(paths, "faulty");
    await writeFile(join(folder, "img2.png"), "no image");
    await rm(join(folder, "img1.txt"));
    await writeFile(join(folder, "img3.txt"), "a cat without its word");
    const answer = await call("check_dataset", { name: "faulty", resolution: 64, trigger_word: "sks" });
    expect(answer).toMatchObject({
      verdict: "needs_attention",
      findings: [
        {
          finding: "broken",
          severity: "error",
          count: 1,
          examples: ["img2.png: not an image"],
          meaning: expect.any(String),
        },
        { finding: "missing_caption", severity: "warning", examples: ["img1.jpg"] },
        { finding: "trigger_absent", severity: "info", examples: ["img3.jpg"] },
      ],
    });
  });

  test("what is not there is refused", async () => {
    const { execute, paths } = subject();
    await putDataset(paths, "alone");
    expect(await execute("check_dataset", { name: "gone" })).toMatchObject({ code: "not_found" });
    expect(await execute("check_dataset", { name: "alone", control: "gone" })).toMatchObject({
      code: "not_found",
    });
    expect(await execute("check_dataset", { name: "alone", arch: "nothing" })).toMatchObject({
      status: 400,
      code: "invalid_input",
    });
  });
};
