import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, createReadStream, openSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTheatre, type Theatre } from "./theatre.ts";

let theatre: Theatre;
beforeEach(() => {
  theatre = openTheatre();
});
afterEach(() => theatre.clear());

/** Writes three megabytes into a pipe that takes 64 KiB at a time and answers EAGAIN when it is full. */
test("nothing is lost or overtaken on a full pipe that does not block", async () => {
  const pipe = join(theatre.folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const bothEnds = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const script = `
    const { Socket } = await import("node:net");
    new Socket({ fd: 1, readable: false }); // sets the pipe to non-blocking, as another of its users may
    const { openStreams } = await import(${JSON.stringify(join(import.meta.dirname, "streams.ts"))});
    const { print, err } = openStreams();
    for (let i = 0; i < 30_000; i++) (i % 2 ? print : (line) => err(line + "\\n"))(String(i).padStart(99));
    print("end");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", bothEnds, bothEnds],
  });
  const reader = createReadStream(pipe, { encoding: "utf8" });
  closeSync(bothEnds);
  const exited = once(child, "exit");
  let text = "";
  for await (const chunk of reader) text += chunk;
  expect(await exited).toEqual([0, null]);
  const expected = Array.from({ length: 30_000 }, (_, index) => `${String(index).padStart(99)}\n`);
  expect(text === `${expected.join("")}end\n`).toBe(true);
});

test("a reader who goes away ends the run quietly", async () => {
  const config = theatre.config({ save: { save_every: 5 }, train: { steps: 1e6 } });
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), config], {
    cwd: theatre.folder,
    env: { PATH: process.env.PATH, REHEARSAL_LOAD_MS: "0", REHEARSAL_STEP_MS: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  let errors = "";
  child.stderr.on("data", (chunk) => (errors += chunk));
  await once(child.stdout, "data");
  child.stdout.destroy();
  expect(await exited).toEqual([1, null]);
  expect(errors).not.toContain("Error");
});
