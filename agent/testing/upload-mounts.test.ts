// Data sets on another disk than the folder that holds them all: volumes of a container, a share. Each is a tmpfs in a mount
// namespace of its own, which some containers forbid.
import { spawnSync } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { zip } from "./archives.ts";
import type { Json } from "./caller.ts";
import { newDataFolder, type Program, startProgram } from "./program.ts";
import { type Subject, subjectOf } from "./subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const canMount =
  spawnSync("unshare", ["-rm", "sh", "-c", 'mount -t tmpfs none "$0"', tmpdir()], { stdio: "ignore" })
    .status === 0;

describe.skipIf(!canMount)("an upload to a data set on another disk", () => {
  let data: string;
  let program: Program;
  let subject: Subject;
  /** Of all data sets, as the agent sees them. */
  let files: () => Promise<string[]>;
  beforeAll(async () => {
    data = await newDataFolder();
    const [share, volume] = ["share", "volume"].map((name) => join(data, "datasets", name));
    for (const folder of [share, volume]) await mkdir(String(folder), { recursive: true });
    const mount = 'mount -t tmpfs none "$0" && mount -t tmpfs none "$1" && shift && exec "$@"';
    const within = ["unshare", "-rm", "sh", "-c", mount, String(share), String(volume)] as const;
    program = await startProgram({ data, within: [...within] });
    subject = subjectOf(program);
    const datasets = `/proc/${program.pid}/root${join(data, "datasets")}`;
    files = async () =>
      (await readdir(datasets, { recursive: true, withFileTypes: true }))
        .filter((each) => each.isFile() || each.name.startsWith("."))
        .map((each) => join(each.parentPath, each.name).slice(datasets.length + 1))
        .sort();
  });
  afterAll(async () => {
    await program?.close();
    await rm(data, { recursive: true, force: true, maxRetries: 10 });
  });

  async function send(name: string, on_conflict: string, ...names: string[]): Promise<[number, Json]> {
    const { url } = await subject.call("create_upload_link", { name, on_conflict });
    const body = new Uint8Array(zip(names.map((each) => ({ name: each, data: each }))));
    const answer = await fetch(`${url}/x.zip`, { method: "PUT", body });
    return [answer.status, (await answer.json()) as Json];
  }

  test("makes it, adds to it and replaces it", async () => {
    expect(await send("share/cats", "refuse", "a.mp4", "deep/b.mp4")).toMatchObject([
      200,
      { files_saved: 2 },
    ]);
    expect(await files()).toEqual(["share/cats/a.mp4", "share/cats/deep/b.mp4"]);
    expect(await send("share/cats", "append", "a.mp4", "c.mp4")).toMatchObject([
      200,
      { files_saved: 1, failed: [{ file: "a.mp4", reason: "it exists" }] },
    ]);
    const [status, { replaced_trash_id }] = await send("share/cats", "replace", "d.mp4");
    expect(status).toBe(200);
    expect(await files()).toEqual(["share/cats/d.mp4"]);
    await subject.call("delete_dataset", { name: "share/cats" });
    await subject.call("restore_deleted", { trash_id: replaced_trash_id });
    expect(await files()).toEqual(["share/cats/a.mp4", "share/cats/c.mp4", "share/cats/deep/b.mp4"]);
  });

  test("adds to one that is a disk of its own", async () => {
    expect(await send("volume", "append", "a.mp4", "deep/b.mp4")).toMatchObject([200, { files_saved: 2 }]);
    expect((await files()).filter((each) => each.startsWith("volume"))).toEqual([
      "volume/a.mp4",
      "volume/deep/b.mp4",
    ]);
  });
});
