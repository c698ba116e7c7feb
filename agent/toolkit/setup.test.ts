// setup-toolkit with real git, a real virtual environment and real pip, from a repository and packages on this disk.
import { execFile, execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { buildInto } from "../../scripts/build.ts";
import { PARTIAL_PREFIX } from "../files/atomic.ts";
import { environment, runProgram } from "../testing/program.ts";
import { setUpToolkit } from "./setup.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

function works(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false; // not installed
  }
}
const ready = works("git", "--version") && works("python3", "-c", "import venv, ensurepip");

let base: string;
let repository: string;
let commit: string;
let data: string;

/** Wheels are zip files; a torch that says it has no GPU. */
const WHEELS = `
import sys, zipfile
def wheel(name, version, files):
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}-{version}-py3-none-any.whl", "w") as z:
        for path, text in files.items(): z.writestr(path, text)
        z.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        z.writestr(f"{info}/RECORD", "")
torch = """
__version__ = "9.9.1+cpu"
class version: cuda = None; hip = None
class cuda:
    is_available = staticmethod(lambda: False)
"""
wheel("torch", "9.9.1", {"torch/__init__.py": torch})
wheel("torchvision", "0.9.1", {"torchvision.py": ""})
wheel("torchaudio", "9.9.1", {"torchaudio.py": ""})
wheel("tiny_need", "1.0", {"tiny_need.py": ""})
`;

const git = (...args: readonly string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], {
    cwd: repository,
    encoding: "utf8",
  }).trim();

beforeAll(async () => {
  if (!ready) return;
  base = await mkdtemp(join(tmpdir(), "toolkit-"));
  await mkdir(join(base, "wheels"));
  execFileSync("python3", ["-c", WHEELS, join(base, "wheels")]);
  repository = join(base, "repo");
  await mkdir(join(repository, "extensions_built_in/sd_trainer"), { recursive: true });
  await writeFile(join(repository, "run.py"), "");
  await writeFile(join(repository, "version.py"), 'VERSION = "0.12.26"\n');
  await writeFile(
    join(repository, "README.md"),
    "pip3 install torch==9.9.1 torchvision==0.9.1 torchaudio==9.9.1 --index-url x\n",
  );
  await writeFile(join(repository, "requirements.txt"), "tiny_need==1.0\n");
  await writeFile(join(repository, "extensions_built_in/sd_trainer/DiffusionTrainer.py"), "AITK_JOB_ID");
  git("init", "--quiet", "--initial-branch=main");
  git("add", "-A");
  git("commit", "--quiet", "-m", "one");
  commit = git("rev-parse", "HEAD");
});
afterAll(async () => {
  if (ready) await rm(base, { recursive: true, force: true });
});
beforeEach(async () => {
  if (ready) data = await mkdtemp(join(base, "data-"));
});

const setUp = (args: readonly string[], packages = "wheels") =>
  runProgram(["setup-toolkit", "--data", data, "--repo", `file://${repository}`, ...args], {
    env: { HOME: base, PIP_NO_INDEX: "1", PIP_FIND_LINKS: join(base, packages), PIP_NO_CACHE_DIR: "1" },
  });

test.skipIf(!ready)(
  "checkout and environment are made, and doctor agrees; cut off in between, it goes on",
  async () => {
    // As git leaves it when the machine loses its power.
    const staged = join(data, `${PARTIAL_PREFIX}ai-toolkit`);
    await mkdir(join(staged, ".git"), { recursive: true });
    await writeFile(join(staged, ".git/index.lock"), "");
    const cut = await setUp(["--ref", commit, "--torch-index", "file:///none"], "no-such-folder");
    expect(cut.code).toBe(1);
    expect(cut.stderr).toMatch(
      /pip install torch==9\.9\.1 .* --torch-index pip, or its URL.* run this again: it goes on from here/,
    );
    const toolkit = join(data, "ai-toolkit");
    expect(await readdir(data)).toEqual(["ai-toolkit"]);

    const { code, stdout, stderr } = await setUp(["--ref", commit, "--torch-index", "file:///none"]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("there is one already");
    expect(stdout).toContain(`agent/main.ts doctor --data ${data}`);
    const python = join(toolkit, "venv/bin/python");
    execFileSync(python, ["-c", "import torch, torchvision, torchaudio, tiny_need"]);

    const doctor = await runProgram(["doctor", "--data", data, "--json", "--offline"]);
    const { findings } = JSON.parse(doctor.stdout) as { findings: unknown[] };
    expect(findings).toEqual(
      expect.arrayContaining([
        { check: "ai-toolkit", status: "ok", message: `0.12.26 in ${toolkit}` },
        { check: "Python", status: "ok", message: python },
        expect.objectContaining({ check: "torch", message: expect.stringContaining("9.9.1+cpu") }),
      ]),
    );

    await writeFile(join(toolkit, "run.py"), "# mine\n");
    const again = await setUp(["--ref", "main"]);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout.match(/unchanged/g)).toHaveLength(3);
    expect(await readFile(join(toolkit, "run.py"), "utf8")).toBe("# mine\n");
  },
);

test.skipIf(!ready)(
  "an environment whose Python is gone, as after an upgrade of the system, is made anew",
  async () => {
    const bin = join(data, "ai-toolkit/venv/bin");
    await cp(repository, join(data, "ai-toolkit"), { recursive: true });
    await mkdir(bin, { recursive: true });
    for (const name of ["python", "python3"]) await symlink("/usr/bin/python3.0-gone", join(bin, name));
    const { code, stderr } = await setUp(["--torch-index", "file:///none"]);
    expect(code, stderr).toBe(0);
    execFileSync(join(bin, "python"), ["-c", "import torch, tiny_need"]);
  },
);

test.skipIf(!ready)(
  "an ai-toolkit that is the data folder itself, with an environment of its own, is left alone",
  async () => {
    await mkdir(join(data, ".venv/bin"), { recursive: true });
    for (const path of ["run.py", ".venv/bin/python"]) await writeFile(join(data, path), "");
    const { code, stderr } = await setUp([]);
    expect(code, stderr).toBe(0);
    expect((await readdir(data)).sort()).toEqual([".venv", "run.py"]);
  },
);

test.skipIf(!ready)(
  "a ref that is not there, and a folder that is something else, change nothing",
  async () => {
    const missing = await setUp(["--ref", "no-such-branch"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("git fetch");
    await expect(stat(join(data, "ai-toolkit"))).rejects.toThrow("ENOENT");
    await mkdir(join(data, "ai-toolkit"));
    expect(await setUp([])).toMatchObject({ code: 2, stderr: expect.stringContaining("no run.py") });
  },
);

const isRoot = process.geteuid?.() === 0;
const [NOBODY, DAEMON] = [65_534, 1];

test.skipIf(!ready || !isRoot)(
  "in somebody's folder root does it as that person, at home there",
  async () => {
    for (const [path, text] of [
      ["run.py", ""],
      ["python", '#!/bin/sh\necho "$HOME $(id -u)" > said\nexit 1\n'],
    ] as const)
      await writeFile(join(data, path), text, { mode: 0o755 });
    for (const path of [base, data]) await chmod(path, 0o755);
    await chown(data, NOBODY, NOBODY);
    const setup = { repository, ref: commit, torchIndex: "pip", dryRun: false, print: () => {} };
    const failed = setUpToolkit({ data, python: join(data, "python"), ...setup });
    await expect(failed).rejects.toThrow("-m venv");
    expect(await readFile(join(data, "said"), "utf8")).toBe(`/nonexistent ${NOBODY}\n`);
  },
);

test.skipIf(!ready || !isRoot)("in somebody else's folder others are told to let root do it", async () => {
  await chmod(base, 0o755);
  await chmod(data, 0o755);
  await chown(data, NOBODY, NOBODY);
  await buildInto(join(base, "dist")); // where every account can read it
  const args = [join(base, "dist/bin.js"), "setup-toolkit", "--data", data];
  const asked = promisify(execFile)(process.execPath, args, { env: environment(), uid: DAEMON, gid: DAEMON });
  const error: { readonly code?: number; readonly stderr?: string } = await asked.catch((thrown) => thrown);
  expect(error.stderr).toMatch(
    /is nobody's; root does it in their name: {2}sudo .*dist\/bin\.js setup-toolkit --data /,
  );
  expect(error.code).toBe(2);
});

test.skipIf(!ready)("--dry-run prints the commands and runs none", async () => {
  const { code, stdout } = await setUp(["--dry-run"]);
  expect(code).toBe(0);
  expect(stdout).toContain("git fetch --depth 1");
  expect(stdout).toContain("27a03a91f23eb1b757d5ec2e80ee3e129cfcc350");
  expect(stdout).toContain("-m venv");
  expect(stdout).toContain("torch torchvision torchaudio (the versions that its README names)");
  expect(stdout).toContain("--index-url https://download.pytorch.org/whl/");
  const mirrored = await setUp(["--dry-run", "--torch-index", "pip"]);
  expect(mirrored.stdout).toContain("-m pip install torch");
  expect(mirrored.stdout).not.toContain("--index-url");
  expect(await readdir(data)).toEqual([]);
});

test.each([
  [["--ref", "--upload-pack=x"], "--ref takes"],
  [["--python", "/nonexistent/python"], "/nonexistent/python is not there"],
  [["--data", "/nonexistent/data"], "There is no folder"],
])("%j is a mistake that is explained", async (args, sentence) => {
  const { code, stderr } = await runProgram(["setup-toolkit", "--dry-run", ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});
