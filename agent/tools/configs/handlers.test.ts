import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Handlers } from "../../../shared/contract.ts";
import { errorBody, errorText, ToolError } from "../../../shared/errors.ts";
import { PRESETS } from "../../../shared/presets.ts";
import { type configTools, createTrainingConfig } from "../../../shared/tools/configs.ts";
import { Trash } from "../../files/trash.ts";
import { createFolders, type Paths, pathsOf } from "../../paths.ts";
import { NOT_IN_USE } from "../../testing/in-use.ts";
import { configHandlers } from "./handlers.ts";

let root: string;
let paths: Paths;
let busy: string | undefined;
let trash: Trash;
let handlers: Handlers<typeof configTools>;
const context = { signal: new AbortController().signal, progress: () => {} };

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "configs-"));
  paths = pathsOf({ data: root });
  await createFolders(paths);
  busy = undefined;
  trash = new Trash(paths.trash);
  const inUse = {
    ...NOT_IN_USE,
    jobOfConfig: (name: string) => (name === busy ? "job-1" : undefined),
  };
  handlers = configHandlers({ paths, inUse, trash, environment: {} });
});
afterEach(() => rm(root, { recursive: true }));

type Given = v.InferInput<(typeof createTrainingConfig)["input"]>;
const create = async (given: Partial<Given> = {}) =>
  await handlers.create_training_config(
    v.parse(createTrainingConfig.input, { name: "cats", dataset_path: "cats", ...given }),
    context,
  );
const put = (name: string, text: string) => writeFile(join(paths.config, name), text);

async function failure(work: Promise<unknown> | unknown): Promise<ToolError> {
  const error = await Promise.resolve(work).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ToolError)) throw new Error(`no ToolError: ${String(error)}`);
  return error;
}

// --- create_training_config ------------------------------------------------------------------------------------

test("create_training_config writes a file that get_config reads back", async () => {
  await mkdir(join(paths.datasets, "cats"));
  const path = join(paths.config, "cats.yaml");
  expect(await create()).toEqual({ config: "cats", path, status: "success", replaced: false });
  const { config, yaml } = await handlers.get_config({ name: "cats" }, context);
  expect(config).toMatchObject({
    job: "extension",
    config: { name: "cats", process: [{ type: "diffusion_trainer" }] },
  });
  expect(yaml).toBe(await readFile(path, "utf8"));
  expect(yaml).toMatch(/^# Written by mcp-ai-toolkit .+ from the preset Stable Diffusion 1\.5\.\n/);
  expect(await readdir(paths.config)).toEqual(["cats.yaml"]);
});

test("D27: a dataset's bare name becomes the absolute path of its folder", async () => {
  await create();
  const { config } = await handlers.get_config({ name: "cats" }, context);
  expect(config).toMatchObject({
    config: { process: [{ datasets: [{ folder_path: join(paths.datasets, "cats") }] }] },
  });
});

test("a dataset that does not exist yet is a warning", async () => {
  expect((await create()).warnings).toEqual([expect.stringContaining("does not exist yet")]);
});

test("a dataset outside the allowed folders is refused", async () => {
  expect(await failure(create({ dataset_path: "/etc" }))).toMatchObject({ code: "invalid_input" });
  expect(await readdir(paths.config)).toEqual([]);
});

test("D27: an existing config is not overwritten, unless that is said", async () => {
  await create({ steps: 100 });
  const before = await readFile(join(paths.config, "cats.yaml"), "utf8");
  const error = await failure(create({ steps: 200 }));
  expect(error).toMatchObject({ code: "conflict", hint: expect.stringContaining("overwrite: true") });
  expect(await readFile(join(paths.config, "cats.yaml"), "utf8")).toBe(before);
  expect(await create({ steps: 200, overwrite: true })).toMatchObject({ replaced: true });
  expect(await readFile(join(paths.config, "cats.yaml"), "utf8")).toContain("steps: 200");
});

test("D27: of many calls at once for one name, one wins and the others are told", async () => {
  const all = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => create({ steps: 100 + i })));
  const won = all.flatMap((each, i) => (each.status === "fulfilled" ? [100 + i] : []));
  expect(won).toHaveLength(1);
  for (const each of all)
    if (each.status === "rejected") expect(each.reason).toMatchObject({ code: "conflict" });
  expect(await readFile(join(paths.config, "cats.yaml"), "utf8")).toContain(`steps: ${won[0]}`);
  expect(await readdir(paths.config)).toEqual(["cats.yaml"]);
});

test("a name that a file with another extension has is taken, and overwrite does not hide that file", async () => {
  await put("cats.json", "{}");
  expect(await failure(create())).toMatchObject({
    code: "conflict",
    message: expect.stringContaining("cats.json"),
  });
  expect(await failure(create({ overwrite: true }))).toMatchObject({ code: "conflict" });
});

test.each([
  ["a/b", "letters, digits"],
  ["a[1]", "letters, digits"],
  ["-rf", "begin with -"],
  ["../x", "Path traversal attempt detected: Invalid config path: parent directory references not allowed"],
  ["/etc/x", "Absolute path not allowed"],
  ["", "Empty path provided"],
  [".hidden", "hidden"],
  ["a\u0000b", "control characters"],
])("the name %j is refused with what is wrong", async (name, text) => {
  const error = await failure(create({ name }));
  expect(errorText(error)).toMatch(/^Invalid parameters: Invalid config name: /);
  expect(error.message).toContain(text);
  expect(await readdir(paths.config)).toEqual([]);
});

test.each<[string, Partial<Given>]>([
  ["model_name", { model_name: `\${HF_TOKEN}/x` }],
  ["dataset_path", { dataset_path: `\${HOME}` }],
  ["trigger_word", { trigger_word: `\${HF_TOKEN}` }],
  ["prompts[1]", { prompts: ["fine", `a \${HF_TOKEN} cat`] }],
  ["trigger_word", { trigger_word: "a\u0007b" }],
])("text that would leak a secret or break the file is refused in %s", async (what, given) => {
  expect(await failure(create(given))).toMatchObject({
    code: "invalid_input",
    message: expect.stringContaining(`'${what}'`),
  });
});

test("a prompt flag that would end the job is refused", async () => {
  expect(await failure(create({ prompts: ["a cat --w wide"] }))).toMatchObject({
    code: "invalid_input",
    message: `'prompts[0]': --w needs a whole number, not "wide"`,
  });
});

test("a control image outside our folders is refused, one inside is written", async () => {
  await symlink("/etc", join(paths.datasets, "link"));
  await symlink(paths.state, join(paths.datasets, "private"));
  for (const image of [
    "/etc/passwd",
    "../../etc/passwd",
    join(paths.datasets, "link", "passwd"),
    join(paths.state, "x"),
    join(paths.datasets, "private", "trash"),
  ]) {
    expect(await failure(create({ prompts: [`a cat --ctrl_img ${image}`] })), image).toMatchObject({
      code: "invalid_input",
    });
  }
  const inside = join(paths.datasets, "refs", "a.png");
  await create({ prompts: [`a cat --ctrl_img ${inside}`] });
  expect(await readFile(join(paths.config, "cats.yaml"), "utf8")).toContain(inside);
});

test("D21: a lion is written, with a warning that its package is missing", async () => {
  expect((await create({ optimizer: "lion" })).warnings).toContainEqual(
    expect.stringContaining("pip install lion-pytorch"),
  );
});

test("D22: the base model that no longer exists is replaced by its copy", async () => {
  const { warnings } = await create({ model_name: "runwayml/stable-diffusion-v1-5" });
  expect(warnings).toContainEqual(expect.stringContaining("no longer exists"));
  expect(await readFile(join(paths.config, "cats.yaml"), "utf8")).toContain(
    '"stable-diffusion-v1-5/stable-diffusion-v1-5"',
  );
});

test("every preset makes a config that its own checks have nothing to say about", async () => {
  const pictures = join(import.meta.dirname, "../../rehearsal/fixtures/dataset");
  for (const name of ["after", "before"]) await cp(pictures, join(paths.datasets, name), { recursive: true });
  await mkdir(join(paths.datasets, "songs"));
  await writeFile(join(paths.datasets, "songs", "a.flac"), "");
  const ready = configHandlers({
    paths,
    inUse: NOT_IN_USE,
    trash,
    environment: { HF_TOKEN: "x" },
  });
  for (const { name: preset, kind } of PRESETS) {
    const given = {
      name: "of_a_preset",
      preset,
      dataset_path: kind === "audio" ? "songs" : "after",
      overwrite: true,
    };
    const control = kind === "edit" && { control_datasets: ["before"] };
    const input = v.parse(createTrainingConfig.input, { ...given, ...control });
    expect((await ready.create_training_config(input, context)).warnings, preset).toBeUndefined();
    const verdict = await ready.validate_config({ name: "of_a_preset" }, context);
    expect(verdict, preset).toEqual({ errors: [], valid: true, warnings: [] });
  }
});

test("an edit model asks for its control images by name, and takes no more than it can use", async () => {
  const refused = async (given: Partial<Given>) => (await failure(create(given))).message;
  expect(await refused({ preset: "Qwen-Image-Edit-2511" })).toMatch(
    /pass control_datasets, one to 3 data sets with the/,
  );
  expect(await refused({ model_name: "Qwen/Qwen-Image-Edit" })).toMatch(
    /pass control_datasets, a data set with the/,
  );
  expect(await refused({ preset: "FLUX.1-Kontext-dev", control_datasets: ["a", "b"] })).toMatch(
    /takes one data set .* not 2/,
  );
  expect(await refused({ preset: "Z-Image", control_datasets: ["a"] })).toMatch(/takes no control images/);
  expect(await refused({ preset: "OmniGen2", control_datasets: ["/etc"] })).toMatch(/outside the folders/);
  expect(await refused({ preset: "OmniGen2", control_datasets: ["cats/before"] })).toMatch(
    /lie inside the data set/,
  );
  expect(await readdir(paths.config)).toEqual([]);
});

test("the samples of an edit model show the first items, with their captions", async () => {
  for (const name of ["before/b.png", "before/a.JPG", "before/c.png", "cats/b.txt", "cats/c.txt"]) {
    await mkdir(join(paths.datasets, name, ".."), { recursive: true });
    await writeFile(join(paths.datasets, name), name.endsWith("b.txt") ? "make it night" : "cut -- off");
  }
  await create({ preset: "Mage-Flow Edit", control_datasets: ["before"] });
  const { config } = await handlers.get_config({ name: "cats" }, context);
  expect(config).toMatchObject({
    config: {
      process: [
        {
          datasets: [{ control_path: join(paths.datasets, "before") }],
          sample: {
            samples: [{ prompt: "make it night", ctrl_img_1: join(paths.datasets, "before/b.png") }],
          },
        },
      ],
    },
  });
});

test("a preset that there is none of is refused with the one that may be meant", async () => {
  expect(await failure(create({ preset: "Z-Imag" }))).toMatchObject({
    code: "invalid_input",
    message: "There is no preset 'Z-Imag' (did you mean 'Z-Image'?)",
  });
});

test("a config folder that was removed is made again; one that is a file is an error in the old words", async () => {
  await rm(paths.config, { recursive: true });
  await create();
  await rm(paths.config, { recursive: true });
  await writeFile(paths.config, "");
  expect(errorText(await failure(create()))).toMatch(
    /^Internal error: Failed to write config: .+ \(E[A-Z]+\)$/,
  );
});

// --- list_configs ----------------------------------------------------------------------------------------------

test("list_configs lists every name that get_config can be asked for, once, sorted", async () => {
  await mkdir(join(paths.config, "folder.yaml"));
  for (const file of [
    "b.yaml",
    "a.json",
    "c.yml",
    "c.yaml",
    "B.yaml",
    "notes.txt",
    ".hidden.yaml",
    ".partial-1",
    ".yaml",
  ]) {
    await put(file, "{}");
  }
  await put("odd\nname.yaml", "{}");
  const { configs } = await handlers.list_configs({}, context);
  expect(configs).toEqual(["B", "a", "b", "c"]);
  for (const name of configs)
    expect(await handlers.get_config({ name }, context)).toMatchObject({ config: {} });
});

test("without a config folder there are no configs", async () => {
  await rm(paths.config, { recursive: true });
  expect(await handlers.list_configs({}, context)).toEqual({ configs: [] });
});

test("a config folder that cannot be read is an error, not an empty list", async () => {
  await rm(paths.config, { recursive: true });
  await writeFile(paths.config, "");
  expect(errorText(await failure(handlers.list_configs({}, context)))).toMatch(
    /^Internal error: Failed to read config: /,
  );
});

// --- get_config ------------------------------------------------------------------------------------------------

test("get_config finds NAME.yaml before .yml before .json, and those in sub-folders", async () => {
  await mkdir(join(paths.config, "sub"));
  await put("x.json", '{"from": "json"}');
  expect(await handlers.get_config({ name: "x" }, context)).toMatchObject({ config: { from: "json" } });
  await put("x.yml", "from: yml");
  expect(await handlers.get_config({ name: "x" }, context)).toMatchObject({ config: { from: "yml" } });
  await put("x.yaml", "from: yaml\nlr: 1e-4");
  await put("sub/y.yaml", "a: 1");
  expect(await handlers.get_config({ name: "x" }, context)).toEqual({
    config: { from: "yaml", lr: 0.0001 },
    yaml: "from: yaml\nlr: 1e-4",
    path: join(paths.config, "x.yaml"),
  });
  expect(await handlers.get_config({ name: "sub/y" }, context)).toMatchObject({ config: { a: 1 } });
});

test("a config that is not there is the old soft error", async () => {
  expect(errorBody(await failure(handlers.get_config({ name: "none" }, context)))).toMatchObject({
    error: "Configuration not found",
    code: "not_found",
  });
});

test.each([
  ["../x", "parent directory references not allowed"],
  ["..", "parent directory references not allowed"],
  ["", "Empty path provided"],
  ["/etc/hosts", "Absolute path not allowed"],
  ["a\\b", "use / between folders"],
])("the name %j is refused", async (name, text) => {
  const error = await failure(handlers.get_config({ name }, context));
  expect(errorText(error)).toMatch(/^Invalid parameters: Invalid config name: /);
  expect(error.message).toContain(text);
});

test("a link that leads out of the config folder is refused", async () => {
  await writeFile(join(root, "secret.yaml"), "a: 1");
  await symlink(join(root, "secret.yaml"), join(paths.config, "out.yaml"));
  expect(await failure(handlers.get_config({ name: "out" }, context))).toMatchObject({
    code: "invalid_input",
  });
});

test.each([
  ["broken", "a: [1", /^Invalid YAML format: /],
  ["list", "- 1", /^Invalid YAML format: the file holds no block of keys/],
])("%s YAML is told in the old server's words", async (name, text, message) => {
  await put(`${name}.yaml`, text);
  const error = await failure(handlers.get_config({ name }, context));
  expect(errorText(error)).toMatch(message);
  expect(error.code).toBe("conflict");
});

test("a file too large to be a config is not read", async () => {
  await put("big.yaml", `a: ${"x".repeat(1024 * 1024)}`);
  expect(await failure(handlers.get_config({ name: "big" }, context))).toMatchObject({ code: "too_large" });
});

test("bytes that are no text are told as such", async () => {
  await writeFile(join(paths.config, "latin.yaml"), Buffer.from("a: caf\xe9", "latin1"));
  expect(errorText(await failure(handlers.get_config({ name: "latin" }, context)))).toMatch(
    /^Internal error: Failed to read config: .*UTF-8/,
  );
});

// --- delete_config ---------------------------------------------------------------------------------------------

test("delete_config moves the file to the trash", async () => {
  await put("x.yml", "a: 1");
  const { trash_id, ...rest } = await handlers.delete_config({ name: "x" }, context);
  expect(rest).toEqual({ deleted: "x", success: true });
  expect(await readdir(paths.config)).toEqual([]);
  expect(await trash.list()).toMatchObject([{ id: trash_id, kind: "config", name: "x" }]);
});

test("a config that a job uses is not deleted", async () => {
  await put("x.yaml", "a: 1");
  busy = "x";
  expect(await failure(handlers.delete_config({ name: "x" }, context))).toMatchObject({
    code: "conflict",
    message: "The configuration 'x' is used by the training job job-1",
  });
  expect(await readdir(paths.config)).toEqual(["x.yaml"]);
});

test.each(["none", "no/such", "ä".repeat(126)])(
  "deleting %s, which is not there, is the old soft error",
  async (name) => {
    expect(errorBody(await failure(handlers.delete_config({ name }, context)))).toMatchObject({
      error: "Configuration not found",
      success: false,
    });
  },
);

test("deleting a link deletes the link", async () => {
  await writeFile(join(root, "kept.yaml"), "a: 1");
  await symlink(join(root, "kept.yaml"), join(paths.config, "link.yaml"));
  await handlers.delete_config({ name: "link" }, context);
  expect(await readFile(join(root, "kept.yaml"), "utf8")).toBe("a: 1");
  expect(await readdir(paths.config)).toEqual([]);
});

test("of two deletes at once one wins and the other finds nothing", async () => {
  await put("x.yaml", "a: 1");
  const all = await Promise.allSettled([1, 2].map(() => handlers.delete_config({ name: "x" }, context)));
  expect(all.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const lost = all.find((each) => each.status === "rejected");
  expect(lost?.reason).toMatchObject({ code: "not_found" });
  expect(await trash.list()).toHaveLength(1);
});

test("deleting outside the config folder is refused", async () => {
  expect(await failure(handlers.delete_config({ name: "../datasets/x" }, context))).toMatchObject({
    code: "invalid_input",
  });
});

// --- validate_config -------------------------------------------------------------------------------------------

test("validate_config says that a config with its images is valid", async () => {
  await mkdir(join(paths.datasets, "cats"));
  await writeFile(join(paths.datasets, "cats", "a.JPG"), "");
  await create();
  expect(await handlers.validate_config({ name: "cats" }, context)).toEqual({
    errors: [],
    valid: true,
    warnings: [],
  });
});

test("validate_config answers for files that are missing or broken, too", async () => {
  expect(await handlers.validate_config({ name: "none" }, context)).toEqual({
    errors: ["Configuration file not found"],
    valid: false,
    warnings: [],
  });
  await put("broken.yaml", "a: [1");
  expect(await handlers.validate_config({ name: "broken" }, context)).toMatchObject({
    errors: [expect.stringMatching(/^Invalid YAML: /)],
    valid: false,
  });
  expect(await failure(handlers.validate_config({ name: "../x" }, context))).toMatchObject({
    code: "invalid_input",
  });
});
