import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { exclusively } from "./exclusive.ts";

async function newLock(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-lock-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "lock");
}

test("of two at once one works, the other is told; then it is free again, also after a failure", async () => {
  const path = await newLock();
  const inside = await exclusively(path, async () => ({
    second: await exclusively(path, async () => "both"),
  }));
  expect(inside).toEqual({ second: undefined });
  await expect(exclusively(path, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await exclusively(path, async () => "free")).toBe("free");
});

test("a process that dies while it holds the lock gives it back", async () => {
  const path = await newLock();
  const module = JSON.stringify(join(import.meta.dirname, "exclusive.ts"));
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `const { exclusively } = await import(${module});
       await exclusively(${JSON.stringify(path)}, async () => { console.log("held"); await new Promise((done) => setTimeout(done, 1e6)); });`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  expect(await exclusively(path, async () => "taken")).toBeUndefined();
  child.kill("SIGKILL");
  await vi.waitFor(async () => expect(await exclusively(path, async () => "taken")).toBe("taken"), 20_000);
});
