// install and uninstall as a person calls them, below a scratch root, file by file.
import { execFile, execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { makePackage } from "../testing/package.ts";
import { environment, runProgram, startProgram } from "../testing/program.ts";
import { LAYOUT, type Layout, layoutIn } from "./layout.ts";
import { settingsIn } from "./settings.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const isRoot = process.geteuid?.() === 0;

let base: string;
let root: string;
let layout: Layout;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "install-"));
  await chmod(base, 0o755); // the service's account goes through it
  await makePackage(join(base, "package"));
});
afterAll(() => rm(base, { recursive: true, force: true }));
beforeEach(async () => {
  root = await mkdtemp(join(base, "root-"));
  await chmod(root, 0o755);
  layout = layoutIn(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function run(...args: readonly string[]) {
  const bin = join(base, "package/dist/bin.js");
  const env = environment({ HOME: base, NODE_COMPILE_CACHE: join(base, "cache") });
  const ran = promisify(execFile)(process.execPath, [bin, ...args, "--root", root], { env });
  return await ran.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
const filesBelow = async (folder: string) => (await readdir(folder, { recursive: true })).sort();

test("--dry-run prints every step and every file, and changes nothing", async () => {
  const { code, stdout } = await run("install", "--dry-run", "--data", "/ai-toolkit");
  expect(code).toBe(0);
  for (const path of [layout.unit, layout.settings, layout.command, layout.versions])
    expect(stdout).toContain(path);
  expect(stdout).toContain("    | KillMode=process");
  expect(stdout).toContain("    | AI_TOOLKIT_PATH=/ai-toolkit");
  expect(stdout).toMatch(/\nNothing was changed\.\n$/);
  expect(await readdir(root)).toEqual([]);
});

test("every file is where it belongs, for whom it is; a second time changes nothing, and what is missing comes back", async () => {
  const flags = ["--data", "/ai-toolkit", "--host", "0.0.0.0", "--export-root", "comfy=/srv/comfy loras"];
  const first = await run("install", ...flags);
  expect(first.code, first.stderr).toBe(0);
  const [, token = ""] = /shown only now:\n {2}(mait_\S+)/.exec(first.stdout) ?? [];
  expect(token).not.toBe("");
  expect(first.stdout).toContain("sudo mcp-ai-toolkit connect claude-code");

  expect(await mode(layout.settings)).toBe("600");
  expect(settingsIn(await readFile(layout.settings, "utf8"))).toEqual({
    AI_TOOLKIT_PATH: "/ai-toolkit",
    MCP_AI_TOOLKIT_MODE: "standalone",
    MCP_AI_TOOLKIT_HOST: "0.0.0.0",
    MCP_AI_TOOLKIT_PORT: "8012",
    MCP_AI_TOOLKIT_EXPORT_ROOTS: "comfy=/srv/comfy loras",
  });
  expect(await mode(layout.unit)).toBe("644");
  const unit = await readFile(layout.unit, "utf8");
  expect(unit).toContain('\nReadWritePaths="/tmp" "/var/tmp" "/ai-toolkit" "-/srv/comfy loras"\n');
  expect(unit).toContain(`\nExecStart=${LAYOUT.current}/bin/node ${LAYOUT.current}/dist/bin.js\n`);
  expect(await readlink(layout.enabled)).toBe(LAYOUT.unit);
  expect(await mode(layout.command)).toBe("755");
  expect(await readFile(layout.command, "utf8")).toContain(`exec ${LAYOUT.current}/bin/node`);
  const version = join(layout.versions, (await readdir(layout.versions))[0] ?? "");
  expect(await readlink(layout.current)).toBe(version.slice(layout.versions.length - "versions".length));
  expect(await mode(join(version, "bin/node"))).toBe("755");
  for (const file of ["dist/mcp-ai-toolkit.js", "package.json", "LICENSE", "node_modules/sharp/package.json"])
    expect(await mode(join(version, file)), file).toBe("644");
  expect(await filesBelow(join(root, "ai-toolkit"))).toEqual([
    ".mcp-ai-toolkit",
    ".mcp-ai-toolkit/tokens.db",
    "config",
    "datasets",
    "output",
    "outputs",
  ]);
  expect(await mode(join(root, "ai-toolkit/.mcp-ai-toolkit"))).toBe("700");
  const all = await filesBelow(root);
  for (const path of [layout.settings, layout.unit, layout.account, layout.command])
    expect(await readFile(path, "utf8"), path).not.toContain(token.slice(-20));

  const again = await run("install", "--data", "/ai-toolkit");
  expect(again.code, again.stderr).toBe(0);
  expect(again.stdout).not.toContain("shown only now");
  const steps = again.stdout.split("\n").filter((line) => /^[=✓]/.test(line));
  expect(steps.filter((line) => !line.includes("unchanged"))).toEqual([]);

  await rm(layout.unit);
  await writeFile(join(version, "dist/bin.js"), "damaged");
  await writeFile(layout.settings, `${await readFile(layout.settings, "utf8")}# mine\nHF_TOKEN=hf_secret\n`);
  const repaired = await run("install", "--port", "9000");
  expect(repaired.code, repaired.stderr).toBe(0);
  expect(await readFile(layout.unit, "utf8")).toBe(unit);
  expect(await readFile(join(version, "dist/bin.js"), "utf8")).not.toBe("damaged");
  const settings = await readFile(layout.settings, "utf8");
  expect(settings).toMatch(/MCP_AI_TOOLKIT_PORT=9000\n(.*\n)*# mine\nHF_TOKEN=hf_secret\n$/);
  expect(await filesBelow(root)).toEqual(all);
  expect((await run("install", "--dry-run")).stdout).not.toContain("hf_secret");
});

test.skipIf(!isRoot)(
  "it runs as the person to whom the data folder belongs, and opens their caches to it",
  async () => {
    const [NAME, UID] = ["nobody", 65_534];
    const data = join(root, "ai-toolkit");
    await mkdir(join(data, "output/run"), { recursive: true });
    await chown(data, UID, UID);
    const { code, stderr } = await run("install", "--data", "/ai-toolkit");
    expect(code, stderr).toBe(0);
    const unit = await readFile(layout.unit, "utf8");
    expect(unit).toContain(`\nUser=${NAME}\n`);
    expect(unit).toMatch(/ReadWritePaths=.* "-\/nonexistent\/\.cache"/);
    await expect(stat(layout.account)).rejects.toThrow("ENOENT");
    for (const path of ["config", ".mcp-ai-toolkit", "output", "output/run"])
      expect((await stat(join(data, path))).uid, path).toBe(UID);
  },
);

test("with --router and --code the machine has joined, and its service dials in", async () => {
  const router = await startProgram({ command: "router" });
  onTestFinished(() => router.close());
  const code = (await runProgram(["router", "pair", "--data", router.data])).stdout.trim();
  const flags = ["--data", "/ai-toolkit", "--router", router.url, "--name", "box222"];
  const wrong = await run("install", ...flags, "--code", "AAAA-AAAA");
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("pairing code is not valid") });
  const { code: exit, stdout, stderr } = await run("install", ...flags, "--code", code);
  expect(exit, stderr).toBe(0);
  expect(stdout).not.toContain(code);
  const state = join(root, "ai-toolkit/.mcp-ai-toolkit");
  expect(JSON.parse(await readFile(join(state, "router.json"), "utf8"))).toMatchObject({ name: "box222" });
  expect((await stat(join(state, "router.json"))).uid).toBe((await stat(state)).uid);
  expect(settingsIn(await readFile(layout.settings, "utf8"))).toMatchObject({ MCP_AI_TOOLKIT_MODE: "agent" });
  expect((await run("install", ...flags)).code).toBe(0); // it has joined already
});

test("uninstall leaves the data and says where it is; --purge takes the settings", async () => {
  await run("install", "--data", "/ai-toolkit");
  await writeFile(join(root, "ai-toolkit/outputs/lora.safetensors"), "precious");
  await mkdir(join(root, "var/lib/mcp-ai-toolkit"), { recursive: true }); // as systemd makes it (StateDirectory=)
  const { code, stdout } = await run("uninstall");
  expect(code).toBe(0);
  expect(stdout).toContain("What stays: everything in /ai-toolkit");
  expect(stdout).toContain("the models that it downloaded in /var/lib/mcp-ai-toolkit");
  for (const gone of ["unit", "enabled", "command", "current", "versions", "account"] as const)
    await expect(stat(layout[gone]), gone).rejects.toThrow("ENOENT");
  expect(await readFile(join(root, "ai-toolkit/outputs/lora.safetensors"), "utf8")).toBe("precious");
  expect(await mode(layout.settings)).toBe("600");
  expect((await run("uninstall", "--purge")).code).toBe(0);
  await expect(stat(layout.settings)).rejects.toThrow("ENOENT");
});

test.each([
  [["--user", "no-such-person"], 'there is no user "no-such-person"'],
  [["--user", "root"], "not root"],
  [["--port", "99999"], "--port must be a number"],
  [["--trainer", "kohya"], "--trainer must be one of"],
  [["--export-root", "loras"], "--export-root takes an absolute folder"],
  [["--router", "https://train.example.org"], "--router needs --code"],
  [["--code", "AAAA-BBBB"], "--code needs --router"],
  [["--surplus"], "unknown option"],
])("%j is a mistake that is explained before anything is changed", async (args, sentence) => {
  const { code, stderr } = await run("install", ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
  expect(await readdir(root)).toEqual([]);
});

test("upgrade without an installation says what to do", async () => {
  expect(await run("upgrade")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/run: sudo .*dist\/bin\.js install --data \/ai-toolkit\n$/),
  });
});

/** Another installation's command, npm's say. */
test("a command that is there already and is not ours stays", async () => {
  await mkdir(join(root, "usr/local/bin"), { recursive: true });
  await writeFile(layout.command, "#!/bin/sh\nnpm's\n");
  expect((await run("install", "--data", "/ai-toolkit")).stdout).toContain(
    "it belongs to another installation",
  );
  await run("uninstall");
  expect(await readFile(layout.command, "utf8")).toBe("#!/bin/sh\nnpm's\n");
});

const has = (program: string) => {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // not installed
  }
};

test.skipIf(!has("systemd-analyze"))(
  "systemd has nothing to say against the unit, and finds it safe",
  async () => {
    await run("install", "--data", "/ai-toolkit");
    const here = join(root, "mcp-ai-toolkit.service");
    await writeFile(here, (await readFile(layout.unit, "utf8")).replaceAll(LAYOUT.current, layout.current));
    const verified = await promisify(execFile)("systemd-analyze", ["verify", here]);
    expect(verified.stderr).toBe(""); // it tells of unknown keys there, with exit code 0
    await promisify(execFile)("systemd-analyze", ["security", "--offline=true", "--threshold=40", here]);
  },
);
