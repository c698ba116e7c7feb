// The README's story of a clean clone, run as it is written; only port and folders are this test's own.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { freePort } from "../agent/testing/free-port.ts";
import { clear } from "../agent/testing/program.ts";
import { buildInto } from "./build.ts";
import { README } from "./docs.ts";

vi.setConfig({ testTimeout: 120_000 });

async function story(): Promise<string> {
  const [, block] =
    /<!-- story: .*?-->\n```sh\n([\s\S]*?)```\n<!-- \/story -->/.exec(await readFile(README, "utf8")) ?? [];
  if (block === undefined) throw new Error("README.md lacks its story");
  return block;
}

test("from a clean clone: dry run, doctor, connect, one upload, one run, one download", async () => {
  const folder = await mkdtemp(join(tmpdir(), "story-"));
  const data = join(folder, "try");
  onTestFinished(async () => {
    await clear(data);
    await rm(folder, { recursive: true, force: true });
  });
  const project = join(import.meta.dirname, "..");
  for (const name of ["agent", "node_modules", "package.json", "README.md", "LICENSE"])
    await symlink(join(project, name), join(folder, name));
  await buildInto(join(folder, "dist"));
  const port = String(await freePort());
  const written = await story();
  const script = written
    .replaceAll("dist/bin.js install", "dist/bin.js install --root root")
    .replaceAll("/tmp/try", data)
    .replaceAll("8012", port);
  expect(script).not.toBe(written);
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
    HOME: folder,
    MCP_AI_TOOLKIT_PORT: port,
    CUDA_VISIBLE_DEVICES: "",
    NODE_NO_WARNINGS: "1",
    NODE_COMPILE_CACHE: join(folder, "cache"),
  };
  const ran = promisify(execFile)("sh", ["-c", `trap 'kill $!' EXIT\n${script}`], {
    cwd: folder,
    env,
    timeout: 60_000,
  });
  const { stdout } = await ran;
  for (const part of [
    "Nothing was changed.",
    "✗ error    ai-toolkit",
    '"status":"healthy"',
    "claude mcp add --transport http",
    '"files_saved": 4',
    "completed",
  ])
    expect(stdout).toContain(part);
  expect(await readdir(folder)).toContain("lamp.safetensors");
  expect((await readFile(join(folder, "lamp.safetensors"))).includes("rehearsal")).toBe(true);
});
