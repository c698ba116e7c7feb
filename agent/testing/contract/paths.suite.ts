// contract.md §2.0: the texts in which names and paths are refused.
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { putDataset } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

const traversal = (kind: string, why: string) =>
  `Path traversal attempt detected: Invalid ${kind} path: ${why}`;

/** A path, and what is said of it as a `kind`. */
const REFUSED: readonly (readonly [path: string, text: (kind: string) => string])[] = [
  ["", () => "Empty path provided"],
  ["/etc/passwd", () => "Absolute path not allowed"],
  ["../x", (kind) => traversal(kind, "parent directory references not allowed")],
  ["a/../b", (kind) => traversal(kind, "parent directory references not allowed")],
  ["..", (kind) => traversal(kind, "parent directory references not allowed")],
  [".", (kind) => `Invalid path: Invalid ${kind} path: current directory reference not allowed`],
  ["./", (kind) => `Invalid path: Invalid ${kind} path: current directory reference not allowed`],
  ["./x", (kind) => traversal(kind, "relative directory reference not allowed")],
];

const image = { filename: "a.png", data: "", caption: "" };

/** Every argument that is a path: its tool, its kind, the words in front, and a call with it. */
const ARGUMENTS: readonly (readonly [
  tool: string,
  kind: string,
  context: string,
  args: (path: string) => object,
])[] = [
  ["get_config", "config", "Invalid config name", (name) => ({ name })],
  ["delete_config", "config", "Invalid config name", (name) => ({ name })],
  ["validate_config", "config", "Invalid config name", (name) => ({ name })],
  ["start_training", "config", "Invalid config name", (config_name) => ({ config_name })],
  ["create_training_config", "config", "Invalid config name", (name) => ({ name, dataset_path: "cats" })],
  ["get_dataset_info", "dataset", "Invalid dataset name", (name) => ({ name })],
  ["delete_dataset", "dataset", "Invalid dataset name", (name) => ({ name })],
  [
    "upload_dataset",
    "dataset",
    "Invalid dataset name",
    (dataset_name) => ({ dataset_name, images: [image] }),
  ],
  ["export_model", "output", "Invalid output path", (output_path) => ({ model_name: "gone", output_path })],
];

export const paths: Chapter = (subject) => {
  for (const [tool, kind, context, args] of ARGUMENTS) {
    test.each(REFUSED.map(([path, text]) => [path, `Invalid parameters: ${context}: ${text(kind)}`]))(
      `${tool} refuses %j`,
      async (path, sentence) => {
        const { status, success, result, error, code } = await subject().execute(tool, args(path));
        expect({ status, success, result, error, code }).toEqual({
          status: 400,
          success: false,
          result: null,
          error: sentence,
          code: "invalid_input",
        });
      },
    );
  }

  test("the same sentence reaches an MCP client as a failed tool", async () => {
    const { result } = await subject().rpc("tools/call", { name: "get_config", arguments: { name: "../x" } });
    expect(result).toMatchObject({ isError: true });
    expect(JSON.stringify(result)).toContain(
      "Invalid parameters: Invalid config name: Path traversal attempt detected: Invalid config path: parent directory references not allowed",
    );
  });

  test("D28: two dots inside a name are no traversal", async () => {
    expect(await subject().execute("get_config", { name: "my..lora" })).toMatchObject({ code: "not_found" });
  });

  test("sub-folders are allowed", async () => {
    await putDataset(subject().paths, "people/anna");
    expect(await subject().call("get_dataset_info", { name: "people/anna" })).toMatchObject({
      image_count: 4,
    });
  });

  test("D28: a symlink that leads outside is refused, also in front of a name that is not there yet", async () => {
    const { execute, paths: folders } = subject();
    await mkdir(join(folders.root, "elsewhere"), { recursive: true });
    await symlink(join(folders.root, "elsewhere"), join(folders.datasets, "way_out"));
    const sentence = `Invalid parameters: Invalid dataset name: ${traversal("dataset", "traversal attempt detected")}`;
    expect(await execute("get_dataset_info", { name: "way_out" })).toMatchObject({
      status: 400,
      error: sentence,
    });
    expect(await execute("upload_dataset", { dataset_name: "way_out/new", images: [image] })).toMatchObject({
      status: 400,
      error: sentence,
    });
    await symlink("/etc/hostname", join(folders.config, "way_out.yaml"));
    expect(await execute("get_config", { name: "way_out" })).toMatchObject({
      status: 400,
      code: "invalid_input",
    });
  });
};
