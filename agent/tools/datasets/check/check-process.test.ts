// The process of its own in which data sets are checked: a real one.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import * as v from "valibot";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Progress } from "../../../../shared/contract.ts";
import { linkPair } from "../../../../shared/link.ts";
import { checkDataset } from "../../../../shared/tools/dataset-check.ts";
import { createFolders, type Paths, pathsOf } from "../../../paths.ts";
import { CHECK_COMMAND, entryPoint } from "../../../program.ts";
import { CheckProcess } from "./check-process.ts";
import { serveChecksOn } from "./check-server.ts";
import { DatasetChecks } from "./dataset-checks.ts";

vi.setConfig({ testTimeout: 60_000 });
const PATIENCE = { timeout: 20_000, interval: 10 };

let paths: Paths;
let checks: CheckProcess;
beforeEach(async () => {
  paths = pathsOf({ data: await realpath(await mkdtemp(join(tmpdir(), "checking-"))) });
  await createFolders(paths);
  checks = new CheckProcess(paths);
});
afterEach(async () => {
  await checks[Symbol.asyncDispose]();
  await rm(paths.root, { recursive: true, force: true });
});

async function putImages(count: number, side = 64): Promise<void> {
  const folder = join(paths.datasets, "cats");
  await mkdir(folder, { recursive: true });
  const image = sharp({ create: { width: side, height: side, channels: 3, background: "red" } });
  const bytes = await image.png({ compressionLevel: 1 }).toBuffer();
  for (let n = 0; n < count; n++) await writeFile(join(folder, `${n}.png`), bytes);
}

const never = new AbortController().signal;
const input = (name: string) => v.parse(checkDataset.input, { name, resolution: 64 });
const check = (name = "cats", signal = never, progress: (step: Progress) => void = () => {}) =>
  checks.check(input(name), { signal, progress });

const isGone = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

test("answers and tells of progress as a check in this process does, and refuses in the same words", async () => {
  await putImages(20);
  const told: Progress[] = [];
  const answer = await check("cats", never, (step) => told.push(step));
  const own = new DatasetChecks({ paths, budgetMs: 60_000 });
  expect(answer).toEqual(await own.check(input("cats"), { signal: never, progress: () => {} }));
  expect(answer).toMatchObject({ complete: true, checked: 20 });
  expect(told.at(-1)).toMatchObject({ progress: 20, total: 20 });
  const refused = await own
    .check(input("gone"), { signal: never, progress: () => {} })
    .catch((error) => error);
  own[Symbol.dispose]();
  const { code, message, hint, body } = refused;
  await expect(check("gone")).rejects.toMatchObject({ code, message, hint, body });
});

test("a process that has ended meanwhile is started anew, and none is left when it is done with", async () => {
  await putImages(3);
  await check();
  const pid = checks.pid ?? 0;
  process.kill(pid, "SIGKILL");
  expect(await check()).toMatchObject({ complete: true });
  expect(checks.pid).not.toBe(pid);
  const second = checks.pid ?? 0;
  await checks[Symbol.asyncDispose]();
  expect([isGone(pid), isGone(second), checks.pid]).toEqual([true, true, undefined]);
});

test("one that ends again and again is told of, and other checks go on being made", async () => {
  await putImages(300, 1_500);
  const pids = new Set<number>();
  const killing = vi.waitFor(async () => {
    const { pid } = checks;
    if (pid !== undefined && !pids.has(pid)) process.kill(pid, "SIGKILL");
    if (pid !== undefined) pids.add(pid);
    if (pids.size < 2) throw new Error("not yet");
  }, PATIENCE);
  await expect(check()).rejects.toMatchObject({
    code: "agent_error",
    hint: expect.stringContaining("Call check_dataset again"),
  });
  await killing;
  await rm(join(paths.datasets, "cats"), { recursive: true });
  await putImages(3);
  expect(await check()).toMatchObject({ complete: true, checked: 3 });
});

test("whoever hangs up ends the check there, too", async () => {
  await putImages(300, 1_500);
  const leaving = new AbortController();
  const left = check("cats", leaving.signal, () => leaving.abort());
  await expect(left).rejects.toMatchObject({ code: "cancelled" });
  await rm(join(paths.datasets, "cats"), { recursive: true });
  await putImages(2);
  expect(await check()).toMatchObject({ complete: true, checked: 2 });
});

test("it ends with the process that has started it, whatever it is at", async () => {
  await putImages(300, 1_500);
  const { datasets, datasetRoots, state } = paths;
  const child = fork(entryPoint(), [CHECK_COMMAND, JSON.stringify({ datasets, datasetRoots, state })]);
  const call = {
    t: "call",
    id: 1,
    tool: checkDataset.name,
    input: input("cats"),
    timeout_ms: 60_000,
    progress: true,
  };
  child.send(JSON.stringify(call));
  await once(child, "message"); // the first word of progress
  const exit = once(child, "exit");
  child.disconnect();
  expect(await exit).toEqual([0, null]);
});

test("it ends by itself when for a while it has had nothing to do", async () => {
  const own = new DatasetChecks({ paths });
  const [link] = linkPair();
  await serveChecksOn(link, own, 50);
  own[Symbol.dispose]();
});
