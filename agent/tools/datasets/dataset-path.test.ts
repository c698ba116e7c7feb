import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toToolError } from "../../../shared/errors.ts";
import { createFolders, type Paths, pathsOf } from "../../paths.ts";
import { resolveDatasetPath } from "./dataset-path.ts";

let base: string;
let paths: Paths;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "dataset-path-")));
  paths = pathsOf({ data: join(base, "data"), datasetRoots: [join(base, "photos")] });
  await createFolders(paths);
  await mkdir(join(base, "photos/cats"), { recursive: true });
  await mkdir(join(base, "elsewhere"));
});

afterEach(() => rm(base, { recursive: true, force: true }));

async function refusal(given: string) {
  const error = await resolveDatasetPath(paths, given).then(
    () => undefined,
    (thrown: unknown) => toToolError(thrown),
  );
  expect(error?.code).toBe("invalid_input");
  return { message: error?.message, hint: error?.hint };
}

describe("allowed", () => {
  test("D27: a bare name is the data set of that name, before and after it was uploaded", async () => {
    expect(await resolveDatasetPath(paths, "cats")).toBe(join(paths.datasets, "cats"));
    await mkdir(join(paths.datasets, "cats"));
    expect(await resolveDatasetPath(paths, "cats")).toBe(join(paths.datasets, "cats"));
    expect(await resolveDatasetPath(paths, "my..cats/kittens")).toBe(
      join(paths.datasets, "my..cats/kittens"),
    );
  });

  test("a path from AI_TOOLKIT_PATH, which was the old server's working folder", async () => {
    expect(await resolveDatasetPath(paths, "datasets/cats/")).toBe(join(paths.datasets, "cats"));
    await mkdir(join(paths.datasets, "datasets"));
    expect(await resolveDatasetPath(paths, "datasets/cats")).toBe(join(paths.datasets, "datasets/cats"));
  });

  test("an absolute path inside the data sets folder or a folder that the owner named", async () => {
    for (const path of [join(paths.datasets, "cats"), join(base, "photos"), join(base, "photos/cats/new")]) {
      expect(await resolveDatasetPath(paths, `${path}/`)).toBe(path);
    }
  });

  test("a symlink that stays in an allowed folder, and a data sets folder that is one itself", async () => {
    await symlink(join(base, "photos/cats"), join(paths.datasets, "linked"));
    expect(await resolveDatasetPath(paths, "linked")).toBe(join(paths.datasets, "linked"));
    const linkedRoot = join(base, "datasets-link");
    await symlink(paths.datasets, linkedRoot);
    const through = { datasets: linkedRoot, datasetRoots: [] };
    expect(await resolveDatasetPath(through, "cats")).toBe(join(linkedRoot, "cats"));
    expect(await resolveDatasetPath(through, join(paths.datasets, "cats"))).toBe(
      join(paths.datasets, "cats"),
    );
  });
});

describe("refused", () => {
  test.each(["", "../cats", "/etc", "/", "a\0b", "./cats", ".hidden", "cats/../../etc"])(
    "%j",
    async (given) => {
      await refusal(given);
    },
  );

  test("another folder, saying what is allowed and how to allow more", async () => {
    const { message, hint } = await refusal(join(base, "elsewhere"));
    expect(message).toContain(`${paths.datasets}, ${join(base, "photos")}`);
    expect(hint).toContain("--dataset-root");
    expect(hint).toContain("MCP_AI_TOOLKIT_DATASET_ROOTS");
    expect(hint).not.toContain("Did you mean");
  });

  test("the old server's own folder, naming the right one", async () => {
    const { hint } = await refusal("/ai-toolkit/datasets/my_dataset");
    expect(hint).toContain(`Did you mean ${join(paths.datasets, "my_dataset")}?`);
  });

  test("an absolute path that climbs out of an allowed folder", async () => {
    const { message } = await refusal(`${paths.datasets}/../config`);
    expect(message).toContain("parent directory references not allowed");
    await refusal(`${paths.datasets}-other/cats`);
  });

  test("a symlink out of the allowed folders, also in front of what does not exist yet", async () => {
    await symlink(join(base, "elsewhere"), join(paths.datasets, "linked"));
    await symlink(join(base, "nowhere"), join(paths.datasets, "dangling"));
    for (const given of ["linked", "linked/new", join(paths.datasets, "linked/new/deeper")]) {
      expect((await refusal(given)).message).toContain("outside the folders");
    }
    expect((await refusal("dangling")).message).toContain("is not a folder");
    expect((await refusal("dangling/new")).message).toContain("is not a folder");
  });

  test("the folder of all data sets, hidden folders and files", async () => {
    expect((await refusal(paths.datasets)).message).toContain("add the dataset's name");
    await refusal(join(paths.datasets, ".git"));
    await writeFile(join(paths.datasets, "list.json"), "{}");
    expect((await refusal("list.json")).message).toContain("is not a folder");
  });
});
