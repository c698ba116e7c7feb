// Long lists in pages; without arguments they are as they always were.
import { expect, test } from "vitest";
import { putConfig, putDataset } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

const LISTS = [
  ["list_configs", "configs"],
  ["list_datasets", "datasets"],
  ["list_exported_models", "models"],
  ["list_training_jobs", "jobs"],
] as const;

export const lists: Chapter = (subject) => {
  test.each(LISTS)("%s in pages holds everything once, in the same order", async (tool, key) => {
    const { call, paths } = subject();
    for (const name of ["page one", "page two", "page three"]) {
      await putConfig(paths, name, "job: extension\nconfig: {name: x, process: []}\n");
      await putDataset(paths, name);
    }
    const whole = await call(tool, {});
    expect(whole).not.toHaveProperty("next_cursor");
    const paged: unknown[] = [];
    let cursor: unknown;
    do {
      const page = await call(tool, { limit: 2, ...(typeof cursor === "string" && { cursor }) });
      const items = page[key] as unknown[];
      expect(items.length).toBeLessThanOrEqual(2);
      if (page["next_cursor"] !== undefined) expect(page["total"]).toBe((whole[key] as unknown[]).length);
      paged.push(...items);
      cursor = page["next_cursor"];
    } while (cursor !== undefined);
    expect(paged).toEqual(whole[key]);
  });

  test.each(LISTS)("%s refuses what is no cursor of it, and limits of no sense", async (tool) => {
    const { execute } = subject();
    expect(await execute(tool, { cursor: "nobody has this name" })).toMatchObject({
      status: 400,
      code: "invalid_input",
      hint: "Begin again without cursor",
    });
    expect(await execute(tool, { limit: 0 })).toMatchObject({ status: 400, code: "invalid_input" });
  });
};
