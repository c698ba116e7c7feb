// The disk of the state folder is really full: a tmpfs in a mount namespace of its own, which some containers forbid.
import { spawnSync } from "node:child_process";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { newDataFolder, type Program, startProgram } from "./program.ts";
import { putRun, type Subject, subjectOf } from "./subject.ts";
import { ENDLESS, PATIENCE, storyOf } from "./training-story.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const canMount =
  spawnSync("unshare", ["-rm", "sh", "-c", 'mount -t tmpfs none "$0"', tmpdir()], { stdio: "ignore" })
    .status === 0;

describe.skipIf(!canMount)("a full disk", () => {
  let data: string;
  let program: Program;
  let subject: Subject;
  /** The state folder as the agent sees it. */
  let state: string;
  beforeAll(async () => {
    data = await newDataFolder();
    const folder = join(data, ".mcp-ai-toolkit");
    await mkdir(folder);
    const mount = 'mount -t tmpfs -o size=4m none "$0" && exec "$@"';
    program = await startProgram({ data, within: ["unshare", "-rm", "sh", "-c", mount, folder] });
    subject = subjectOf(program);
    state = `/proc/${program.pid}/root${folder}`;
  });
  afterAll(async () => {
    await program?.close();
    await rm(data, { recursive: true, force: true, maxRetries: 10 });
  });

  const ballast = () => join(state, "ballast");
  async function fill(): Promise<void> {
    const file = await open(ballast(), "w");
    for (const bytes of [65_536, 4_096]) {
      for (;;) {
        const written = await file.write(Buffer.alloc(bytes)).catch(() => undefined); // full, which is the point
        if (written?.bytesWritten !== bytes) break;
      }
    }
    await file.close();
  }
  const free = () => rm(ballast(), { force: true });
  const { started, run, ended, training, status } = storyOf(() => subject);

  test("while it starts a training: a clear error, nothing half-made, and afterwards it works", async () => {
    await putRun(subject.paths, "no_room");
    await fill();
    const reply = await subject.execute("start_training", { config_name: "no_room" });
    expect(reply).toMatchObject({ status: 507, success: false, code: "disk_full" });
    expect(reply.error).toContain("No space left");
    await free();
    expect(await readdir(join(state, "jobs"))).toEqual([]);
    expect(await subject.call("list_training_jobs")).toMatchObject({ jobs: [], total: 0 });
    expect(await ended(await started("no_room"))).toMatchObject({ status: "completed" });
  });

  test("while a training runs: its exit status is not lost, and it has ended once there is room to say so", async () => {
    const id = await run("runs_full", ENDLESS);
    await training(id);
    const { pid } = await status(id);
    await fill();
    await vi.waitFor(
      async () => expect(await readdir(`/proc/${pid}`).catch(() => "gone")).toBe("gone"),
      PATIENCE,
    );
    await free();
    expect(await ended(id)).toMatchObject({ status: "failed", exit_code: 1 });
  });
});
