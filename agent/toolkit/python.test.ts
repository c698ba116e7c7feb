// Programs that answer as Pythons do.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findPython, pythonProblem } from "./python.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "python-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function python(script: string): Promise<string> {
  const path = join(folder, "python");
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

test.each([
  ["echo 3 12", undefined],
  ["echo 3 10", undefined],
  ["echo 3 13", "is 3.13"],
  ["echo 3 9", "is 3.9"],
  ["echo 2 7", "is 2.7"],
  ["echo 3 12; echo 'No module named ensurepip' >&2; exit 1", "apt install python3.12-venv"],
  ["echo 'pyenv: command not found' >&2; exit 127", "does not run"],
])("a Python that answers by %j: %s", async (script, problem) => {
  const found = await pythonProblem(await python(script), 12);
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(problem);
});

test("one that was named is taken when it is not too old, and one that is missing is said", async () => {
  const newer = await python("echo 3 14");
  expect(await findPython(newer)).toBe(newer);
  await expect(findPython(join(folder, "none"))).rejects.toThrow("none is not there");
  await expect(findPython(await python("echo 3 9"))).rejects.toThrow("wants Python 3.10 to 3.12");
});
