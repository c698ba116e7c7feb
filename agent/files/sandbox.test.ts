import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toToolError } from "../../shared/errors.ts";
import { writeFileAtomic } from "./atomic.ts";
import {
  checkRelative,
  closing,
  fileInside,
  folderInside,
  isInside,
  isMissing,
  splitPath,
} from "./sandbox.ts";

let base: string;
let root: string;
let outside: string;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "sandbox-")));
  root = join(base, "root");
  outside = join(base, "outside");
  await mkdir(root);
  await mkdir(outside);
  await writeFile(join(outside, "secret"), "secret");
});

afterEach(() => rm(base, { recursive: true, force: true }));

/** The ToolError text of what fails; a system error fails the test that asks for it. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => toToolError(thrown),
  );
  expect(error?.code).toBe("invalid_input");
  return error?.message ?? "";
}

describe("the text of a name", () => {
  test.each([
    ["", "Invalid config name: Empty path provided"],
    ["/etc/passwd", "Invalid config name: Absolute path not allowed"],
    [
      "../x",
      "Invalid config name: Path traversal attempt detected: Invalid config path: parent directory references not allowed",
    ],
    [
      "a/../../x",
      "Invalid config name: Path traversal attempt detected: Invalid config path: parent directory references not allowed",
    ],
    [".", "Invalid config name: Invalid path: Invalid config path: current directory reference not allowed"],
    ["./", "Invalid config name: Invalid path: Invalid config path: current directory reference not allowed"],
    [
      "./x",
      "Invalid config name: Path traversal attempt detected: Invalid config path: relative directory reference not allowed",
    ],
  ])("%j is refused in the old server's words", (path, message) => {
    expect(() => checkRelative(path, "config")).toThrow(message);
  });

  test.each([
    ["a\0b", "control characters"],
    ["a\nb", "control characters"],
    ["a\u009bb", "control characters"],
    ["a\ud800", "not valid Unicode"],
    ["a\\..\\b", "use / between folders"],
    ["a//b", "empty component"],
    ["a/", "empty component"],
    ["a/./b", "empty component"],
    [".hidden", "hidden"],
    ["a/.partial-1", "hidden"],
    ["x".repeat(256), "longer than 255 bytes"],
    ["é".repeat(128), "longer than 255 bytes"],
    [Array.from({ length: 9 }, () => "x".repeat(200)).join("/"), "longer than 1024 bytes"],
    ["x".repeat(10_000_000), "longer than 255 bytes"],
  ])("%j is refused", (path, reason) => {
    expect(() => checkRelative(path, "dataset")).toThrow(reason);
  });

  test.each(["a", "a/b", "my..lora", "v1.5", "Füße 你好 🙂", "x".repeat(255)])(
    "%j is accepted as it is",
    (path) => {
      expect(checkRelative(path, "model")).toBe(path);
    },
  );
});

describe("a folder", () => {
  test("is opened, and made only when asked for", async () => {
    await expect(folderInside(root, "a/b", "dataset")).rejects.toSatisfy(isMissing);
    const made: string[] = [];
    await closing(
      await folderInside(root, "a/b", "dataset", { create: true, onCreate: (path) => made.push(path) }),
      async (folder) => {
        expect(folder.path).toBe(join(root, "a/b"));
        await writeFile(folder.at("file"), "here");
      },
    );
    expect(made).toEqual([join(root, "a"), join(root, "a/b")]);
    expect(await readFile(join(root, "a/b/file"), "utf8")).toBe("here");
  });

  test("is neither opened nor made under a name that is not acceptable", async () => {
    await mkdir(join(root, ".hidden"));
    for (const create of [false, true]) {
      for (const path of ["../root", ".hidden", "a/../b", "/tmp", "a\0b"]) {
        await refusal(folderInside(root, path, "dataset", { create }));
      }
    }
    expect(await readdir(root)).toEqual([".hidden"]);
  });

  test("D28: is not made, and nothing is written, behind a symlink that leads outside", async () => {
    await symlink(outside, join(root, "link"));
    expect(await refusal(folderInside(root, "link", "dataset"))).toContain("traversal attempt detected");
    const making = folderInside(root, "link/not/yet/there", "dataset", { create: true });
    expect(await refusal(making)).toBe(
      "Invalid dataset name: Path traversal attempt detected: Invalid dataset path: traversal attempt detected",
    );
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  test("behind a symlink that leads nowhere is neither found nor made there", async () => {
    await symlink(join(outside, "not-yet"), join(root, "link"));
    await expect(folderInside(root, "link", "dataset")).rejects.toSatisfy(isMissing);
    expect(await refusal(folderInside(root, "link/x", "dataset", { create: true }))).toContain(
      "not a folder",
    );
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  test("is not made inside a file", async () => {
    await writeFile(join(root, "file"), "");
    expect(await refusal(folderInside(root, "file/x", "output", { create: true }))).toBe(
      "Invalid output path: file exists and is not a folder",
    );
    await expect(folderInside(root, "file/x", "output")).rejects.toSatisfy(isMissing);
  });

  test("behind symlinks that go round in a circle is missing", async () => {
    await symlink("b", join(root, "a"));
    await symlink("a", join(root, "b"));
    await expect(folderInside(root, "a", "dataset")).rejects.toSatisfy(isMissing);
  });

  test("may be reached through a symlink that stays inside, and a root that is itself a symlink", async () => {
    await mkdir(join(root, "real"));
    await symlink("real", join(root, "link"));
    await symlink(root, join(base, "root-link"));
    const path = await closing(
      await folderInside(join(base, "root-link"), "link", "dataset"),
      async (folder) => folder.path,
    );
    expect(path).toBe(join(root, "real"));
  });

  test("may be reached through a symlink into a further folder that is allowed", async () => {
    await symlink(outside, join(root, "link"));
    const alsoInside = [join(base, "does-not-exist"), outside];
    const path = await closing(
      await folderInside(root, "link", "dataset", { alsoInside }),
      async (folder) => folder.path,
    );
    expect(path).toBe(outside);
  });

  test("stays the same one when its path is replaced by a symlink after it was opened", async () => {
    await closing(await folderInside(root, "a", "dataset", { create: true }), async (folder) => {
      await rename(join(root, "a"), join(root, "moved"));
      await symlink(outside, join(root, "a"));
      await writeFileAtomic(folder, "file", "data", { overwrite: true });
    });
    expect(await readdir(join(root, "moved"))).toEqual(["file"]);
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  test("never leads outside while another process keeps swapping it for a symlink", async () => {
    await mkdir(join(root, "real"));
    const swapper: ChildProcess = spawn(
      process.execPath,
      [
        "-e",
        `const fs = require("fs");
        const [root, outside] = process.argv.slice(1);
        process.chdir(root);
        for (let turn = 0; ; turn++) {
          fs.symlinkSync(turn % 2 ? outside : "real", "next");
          fs.renameSync("next", "link");
          if (turn === 10) process.stdout.write("ready");
        }`,
        root,
        outside,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      if (swapper.stdout) await once(swapper.stdout, "data");
      // Until both have been met often: the honest folder and the symlink.
      for (let refused = 0, opened = 0; refused < 50 || opened < 50; ) {
        const folder = await folderInside(root, "link/sub", "dataset", { create: true }).catch(
          (error: unknown) => {
            expect(toToolError(error).code).toBe("invalid_input");
            refused++;
          },
        );
        if (!folder) continue;
        await closing(folder, () => writeFile(folder.at("file"), ""));
        opened++;
      }
    } finally {
      swapper.kill("SIGKILL");
    }
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  test("gives addresses of its own entries only", async () => {
    await closing(await folderInside(root, "", "dataset"), async (folder) => {
      expect(() => folder.at("a/b")).toThrow();
      expect(() => folder.at("..")).toThrow();
    });
  });

  test("leaves no descriptor open, whether it opens or not", async () => {
    // Only those below our folders: the test runner opens and closes others meanwhile.
    const openHere = async () => {
      const targets = await Promise.all(
        (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
      );
      return targets.filter((target) => target.startsWith(root) || target.startsWith(outside));
    };
    await symlink(outside, join(root, "link"));
    for (const path of ["../x", "link", "missing/x", "made/deep"]) {
      const opened = await folderInside(root, path, "dataset", { create: path.startsWith("made") }).catch(
        () => undefined,
      );
      await opened?.[Symbol.asyncDispose]();
    }
    for (const path of ["../x", "link/secret", "missing/x", "made"]) {
      const opened = await fileInside(root, path, "dataset").catch(() => undefined);
      await opened?.[Symbol.asyncDispose]();
    }
    expect(await openHere()).toEqual([]);
  });
});

describe("a file", () => {
  test("is opened, also through a symlink that stays inside", async () => {
    await writeFile(join(root, "file"), "data");
    await symlink("file", join(root, "link"));
    const opened = await fileInside(root, "link", "model");
    expect(await opened.handle.readFile("utf8")).toBe("data");
    expect(opened.path).toBe(join(root, "file"));
    await opened[Symbol.asyncDispose]();
  });

  test("outside is refused, whichever part of the path is the symlink, unless its folder is allowed", async () => {
    await symlink(join(outside, "secret"), join(root, "file"));
    await symlink(outside, join(root, "folder"));
    expect(await refusal(fileInside(root, "file", "model"))).toContain("traversal attempt detected");
    expect(await refusal(fileInside(root, "folder/secret", "model"))).toContain("traversal attempt detected");
    const opened = await fileInside(root, "file", "model", { alsoInside: [outside] });
    expect(opened.path).toBe(join(outside, "secret"));
    await opened[Symbol.asyncDispose]();
  });

  test("that is a fifo, a socket, a device or a folder is refused at once", async () => {
    execFileSync("mkfifo", [join(root, "fifo")]);
    const server = createServer().listen(join(root, "socket"));
    await once(server, "listening");
    await mkdir(join(root, "folder"));
    await symlink("/dev/null", join(root, "device"));
    for (const name of ["fifo", "socket", "folder"]) {
      expect(await refusal(fileInside(root, name, "model"))).toBe(
        `Invalid model name: ${name} is not a file`,
      );
    }
    expect(await refusal(fileInside(root, "device", "model", { alsoInside: ["/dev"] }))).toContain(
      "not a file",
    );
    server.close();
  });

  test("that is not there is missing", async () => {
    await writeFile(join(root, "file"), "");
    await expect(fileInside(root, "nothing", "model")).rejects.toSatisfy(isMissing);
    await expect(fileInside(root, "file/x", "model")).rejects.toSatisfy(isMissing);
    await expect(fileInside(join(root, "no-root"), "x", "model")).rejects.toSatisfy(isMissing);
  });
});

test("a path is inside a root only below a separator", () => {
  expect(isInside("/a", "/a")).toBe(true);
  expect(isInside("/a", "/a/b")).toBe(true);
  expect(isInside("/a", "/a/..b")).toBe(true);
  expect(isInside("/a", "/ab")).toBe(false);
  expect(isInside("/a", "/")).toBe(false);
  expect(isInside("/", "/a")).toBe(true);
});

test("a path splits into its folder and its last name", () => {
  expect(splitPath("a/b/c")).toEqual({ folder: "a/b", name: "c" });
  expect(splitPath("c")).toEqual({ folder: "", name: "c" });
});
