// Uploads to a disk that has room for a little more than what stays free for trainings: a tmpfs in a mount namespace of its
// own, which some containers forbid.
import { spawnSync } from "node:child_process";
import { mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { shell } from "./curl.ts";
import { newDataFolder, type Program, startProgram } from "./program.ts";
import { type Subject, subjectOf } from "./subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const canMount =
  spawnSync("unshare", ["-rm", "sh", "-c", 'mount -t tmpfs none "$0"', tmpdir()], { stdio: "ignore" })
    .status === 0;

describe.skipIf(!canMount)("an upload that does not fit on the disk", () => {
  let data: string;
  let program: Program;
  let subject: Subject;
  /** Bytes that are on the disk of uploads, as the agent sees it. */
  let left: () => Promise<string[]>;
  beforeAll(async () => {
    data = await newDataFolder();
    const folder = join(data, ".mcp-ai-toolkit");
    await mkdir(folder);
    await writeFile(join(data, "film.mp4"), "");
    await truncate(join(data, "film.mp4"), 96 * 1024 * 1024);
    // 8 MiB above the reserve.
    const mount = 'mount -t tmpfs -o size=520m none "$0" && exec "$@"';
    program = await startProgram({ data, within: ["unshare", "-rm", "sh", "-c", mount, folder] });
    subject = subjectOf(program);
    left = () => readdir(`/proc/${program.pid}/root${folder}/staging`, { recursive: true });
  });
  afterAll(async () => {
    await program?.close();
    await rm(data, { recursive: true, force: true, maxRetries: 10 });
  });

  const send = async (name: string, line: (url: string) => string) => {
    const { url } = await subject.call("create_upload_link", { name });
    const { stdout, stderr } = await shell(line(String(url)), data);
    expect(stdout, stderr).toContain("507");
    return JSON.parse(stdout.slice(0, stdout.lastIndexOf("}") + 1));
  };
  const CURL = "curl -gs -w ' %{http_code}'";
  const full = { success: false, code: "disk_full", hint: expect.stringContaining("Free space") };

  test.each([
    ["a whole body", (url: string) => `${CURL} -T film.mp4 ${url}/`],
    ["a form", (url: string) => `${CURL} -F file=@film.mp4 ${url}`],
    [
      "a form that does not say how long it is",
      (url: string) => `cat film.mp4 | ${CURL} -F 'file=@-;filename=film.mp4' ${url}`,
    ],
  ])("%s is refused, and nothing of it is left", async (what, line) => {
    expect(await send(what, line)).toMatchObject(full);
    expect(await left()).toEqual([]);
  });
});
