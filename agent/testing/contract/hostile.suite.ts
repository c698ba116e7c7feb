// design.md §8: what nobody sends in good faith is refused with a 4xx, leaves nothing behind, and the server lives on.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseToolResult, textOf } from "../caller.ts";
import { putConfig, treeOf } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

const MB = 1024 * 1024;

/** `{"a":{"a":…}}`, `levels` deep, as text: JSON.stringify could not. */
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

/** On a line on which one still hears the answer while one goes on sending. */
export const hugeBodies: Chapter = (subject) => {
  test("a body of 65 MB is refused, whatever it is for", async () => {
    const body = JSON.stringify({
      tool: "upload_dataset",
      arguments: { dataset_name: "x", images: [], padding: "x".repeat(65 * MB) },
    });
    for (const path of ["/mcp/execute", "/mcp"]) {
      const { status } = await subject().send(path, { body });
      expect(status, path).toBe(413);
    }
  });
};

export const hostile: Chapter = (subject) => {
  let before: string[];
  beforeAll(async () => {
    before = await treeOf(subject().paths);
  });
  afterAll(async () => {
    // Runs after all tests of this chapter: what they sent left no trace.
    const { send, paths } = subject();
    const added = (await treeOf(paths)).filter((path) => !before.includes(path));
    expect(
      added.filter((path) => !path.startsWith("config/planted_") && !path.startsWith("datasets/big")),
    ).toEqual([]);
    expect((await send("/health")).status).toBe(200);
  });

  const list = (padding: string) => JSON.stringify({ tool: "list_configs", arguments: { padding } });
  const rpcList = (padding: string) =>
    JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "list_configs", arguments: { padding } },
    });

  test("D9: 5 MB for a tool that takes no files is a JSON 413 that names another way", async () => {
    const padding = "x".repeat(5 * MB);
    const rest = await subject().send("/mcp/execute", { body: list(padding) });
    expect(rest.status).toBe(413);
    expect(rest.json).toMatchObject({
      success: false,
      code: "too_large",
      hint: expect.stringContaining("upload link"),
    });
    const rpc = await subject().send("/mcp", { body: rpcList(padding) });
    expect(rpc.status).toBe(413);
    expect(rpc.json).toMatchObject({
      jsonrpc: "2.0",
      error: { data: { hint: expect.stringContaining("upload link") } },
    });
  });

  test("a body that does not say how long it is is cut at the same limit", async () => {
    // On a connection of its own, which the server closes soon after: it waits half a second for the rest.
    const sent = {
      body: "x".repeat(70 * MB),
      headers: { "transfer-encoding": "chunked", authorization: "Bearer none" },
    };
    const answer = await subject()
      .sendBare("/mcp", sent)
      .catch(() => undefined); // cut off before all was sent: fine, too
    expect(answer?.status ?? 413).toBeOneOf([413, 401]);
    expect((await subject().send("/health")).status).toBe(200);
  });

  test("D9: an upload of 3 MB works", async () => {
    const side = 1_000;
    const noise = sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } });
    const data = (await noise.png({ compressionLevel: 0 }).toBuffer()).toString("base64");
    expect(data.length).toBeGreaterThan(3 * MB);
    const args = { dataset_name: "big", images: [{ filename: "noise.png", data, caption: "noise" }] };
    expect(await subject().call("upload_dataset", args)).toMatchObject({ images_saved: 1 });
    const { result } = await subject().rpc("tools/call", {
      name: "upload_dataset",
      arguments: { ...args, dataset_name: "big2" },
    });
    const { content } = parseToolResult(result);
    expect(JSON.parse(textOf(content) ?? "")).toMatchObject({ images_saved: 1 });
  });

  test.each(["", "{", "nonsense", "\u0000", '{"tool":"list_configs"}}'])(
    "malformed JSON on REST (%j) is a 400",
    async (body) => {
      const { status, json } = await subject().send("/mcp/execute", { method: "POST", body });
      expect(status).toBe(400);
      expect(json).toMatchObject({
        success: false,
        code: "invalid_input",
        error: expect.stringContaining("not valid JSON"),
      });
    },
  );

  test.each([
    ["REST", "/mcp/execute", `{"tool":"get_config","arguments":${nested(10_000)}}`],
    [
      "JSON-RPC",
      "/mcp",
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_config","arguments":${nested(10_000)}}}`,
    ],
    ["a batch", "/mcp", `[${nested(10_000)}]`],
    ["REST", "/mcp/execute", '{"tool":"get_config","arguments":{"name":"a","__proto__":{"polluted":true}}}'],
    ["REST", "/mcp/execute", '{"__proto__":{"tool":"list_configs"},"tool":"list_configs"}'],
    [
      "JSON-RPC",
      "/mcp",
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_config","arguments":{"name":"a","__proto__":{}}}}',
    ],
  ])("nested 10,000 levels deep, or with a __proto__ key: %s to %s is a 400", async (_what, path, body) => {
    expect((await subject().send(path, { body })).status).toBe(400);
  });

  test("a tool named like something that every object inherits is not there", async () => {
    for (const tool of ["__proto__", "constructor", "toString", "agent_health", "\u0000"]) {
      expect((await subject().execute(tool, {})).status, tool).toBe(404);
    }
  });

  const NAMED: readonly (readonly [tool: string, argument: string, more?: object])[] = [
    ["get_config", "name"],
    ["delete_config", "name"],
    ["validate_config", "name"],
    ["create_training_config", "name", { dataset_path: "cats" }],
    ["create_training_config", "dataset_path", { name: "planted" }],
    ["start_training", "config_name"],
    ["upload_dataset", "dataset_name", { images: [{ filename: "a.png", data: "", caption: "" }] }],
    ["get_dataset_info", "name"],
    ["delete_dataset", "name"],
  ];
  const NASTY: readonly (readonly [what: string, name: string])[] = [
    ["a NUL byte", "a\u0000b"],
    ["a line break", "a\nb"],
    ["an escape sequence", "\u001b[2Ja"],
    ["half a character", "a\ud800"],
    ["a megabyte of letters", "x".repeat(MB)],
    ["a thousand folders", "a/".repeat(1_000)],
    ["a backslash", "..\\..\\x"],
    ["a hidden name", ".ssh/id_rsa"],
    ["a number", 3 as unknown as string], // what a careless script sends
    ["a list", ["a"] as unknown as string],
    ["an object", { toString: "a" } as unknown as string],
  ];
  test.for(NAMED)("%s refuses nasty values of %s", async ([tool, argument, more]) => {
    for (const [what, name] of NASTY) {
      const { status, success, error } = await subject().execute(tool, { ...more, [argument]: name });
      expect({ what, status, success }).toEqual({ what, status: 400, success: false });
      expect(error?.length, what).toBeLessThan(1_000);
    }
  });

  test("a YAML alias bomb in a config is an error at once", async () => {
    const lines = Array.from(
      { length: 30 },
      (_, n) => `l${n + 1}: &l${n + 1} [${Array.from({ length: 10 }, () => `*l${n}`).join(", ")}]`,
    );
    await putConfig(
      subject().paths,
      "planted_bomb",
      `l0: &l0 [x]\n${lines.join("\n")}\njob: extension\nconfig: *l30\n`,
    );
    for (const [tool, args] of [
      ["get_config", { name: "planted_bomb" }],
      ["start_training", { config_name: "planted_bomb" }],
    ] as const) {
      const { status, error } = await subject().execute(tool, args);
      expect(status, tool).toBe(409);
      expect(error).toContain("Invalid YAML format");
    }
    expect(await subject().call("validate_config", { name: "planted_bomb" })).toMatchObject({ valid: false });
  });

  test("a config nested 10,000 levels deep is an error at once", async () => {
    await putConfig(subject().paths, "planted_deep", `a: ${"[".repeat(10_000)}${"]".repeat(10_000)}`);
    expect(await subject().execute("get_config", { name: "planted_deep" })).toMatchObject({ status: 409 });
    await putConfig(subject().paths, "planted_dashes", `${"- ".repeat(10_000)}x`);
    expect(await subject().execute("get_config", { name: "planted_dashes" })).toMatchObject({ status: 409 });
  });

  test("a pipe, a circle of links and a device in the config folder are no configs", async () => {
    const { execute, paths } = subject();
    execFileSync("mkfifo", [join(paths.config, "planted_fifo.yaml")]);
    await symlink("planted_circle.yaml", join(paths.config, "planted_circle.yaml"));
    await symlink("/dev/zero", join(paths.config, "planted_zero.yaml"));
    for (const name of ["planted_fifo", "planted_circle", "planted_zero"]) {
      for (const tool of ["get_config", "validate_config"]) {
        const { status, success, json } = await execute(tool, { name });
        expect(status === 400 || !success || json?.["valid"] === false, `${tool} ${name}`).toBe(true);
      }
    }
  });

  test("nothing that was sent can be seen in the answers of others", async () => {
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(await subject().execute("get_config", {})).toMatchObject({
      error: "Invalid parameters: Missing 'name' parameter",
    });
  });
};
