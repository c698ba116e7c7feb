import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isLoopback } from "./loopback.ts";
import { type Options, parseOptions } from "./options.ts";
import { UsageError } from "./usage-error.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

test("without flags it is the old server's defaults, on loopback", () => {
  expect(parseOptions([], {})).toMatchObject({
    mode: "standalone",
    port: 8012,
    host: "127.0.0.1",
    token: undefined,
    data: "/ai-toolkit",
    logLevel: "info",
    trainer: "auto",
    toolkitFolders: ["/ai-toolkit", "/ai-toolkit/ai-toolkit"],
    stopGraceSeconds: undefined,
    insecure: false,
  });
});

const CASES: readonly (readonly [argv: string, env: Record<string, string>, expected: Partial<Options>])[] = [
  ["-m server -p 9000", {}, { mode: "server", port: 9000 }],
  ["--mode stdio", {}, { mode: "stdio" }],
  ["--mode http", {}, { mode: "standalone" }],
  ["--mode client --backend-url http://box:8012", {}, { mode: "client", backendUrl: "http://box:8012" }],
  ["", { MCP_AI_TOOLKIT_MODE: "server", MCP_AI_TOOLKIT_PORT: "1" }, { mode: "server", port: 1 }],
  ["-p 2", { MCP_AI_TOOLKIT_PORT: "1" }, { port: 2 }],
  [
    "",
    { AI_TOOLKIT_PATH: "/srv/aitk" },
    { data: "/srv/aitk", toolkitFolders: ["/srv/aitk", "/srv/aitk/ai-toolkit"] },
  ],
  ["--data /x", { AI_TOOLKIT_PATH: "/srv/aitk" }, { data: "/x" }],
  ["--toolkit /opt/aitk", {}, { toolkitFolders: ["/opt/aitk"] }],
  ["--log-level debug", {}, { logLevel: "debug" }],
  ["--log-level debug", { RUST_LOG: "warn" }, { logLevel: "warn" }],
  ["--log-level DEBUG", { RUST_LOG: "hyper=warn,info" }, { logLevel: "debug" }],
  ["", { RUST_LOG: "error,hyper=warn" }, { logLevel: "error" }],
  ["--trainer rehearsal", {}, { trainer: "rehearsal" }],
  ["--stop-grace 0.5", {}, { stopGraceSeconds: 0.5 }],
  ["", { MCP_AI_TOOLKIT_STOP_GRACE: "90" }, { stopGraceSeconds: 90 }],
  ["", {}, { logs: { maxBytes: 200 * 1024 ** 2, keepDays: 90, totalBytes: 10 * 1024 ** 3 } }],
  [
    "--log-max-mb 2.5 --log-days 0",
    { MCP_AI_TOOLKIT_LOG_DAYS: "7", MCP_AI_TOOLKIT_LOG_TOTAL_GB: "0.5" },
    { logs: { maxBytes: 2.5 * 1024 ** 2, keepDays: 0, totalBytes: 0.5 * 1024 ** 3 } },
  ],
  ["--dataset-root /a --dataset-root /b", {}, { datasetRoots: ["/a", "/b"] }],
  ["", { MCP_AI_TOOLKIT_DATASET_ROOTS: "/a:/b" }, { datasetRoots: ["/a", "/b"] }],
  [
    "--export-root comfy=/srv/ComfyUI/models/loras --export-root /srv/loras",
    {},
    {
      exportRoots: [
        { name: "comfy", path: "/srv/ComfyUI/models/loras" },
        { name: "loras", path: "/srv/loras" },
      ],
    },
  ],
  [
    "",
    { MCP_AI_TOOLKIT_EXPORT_ROOTS: "/a/x:y=/b/x" },
    {
      exportRoots: [
        { name: "x", path: "/a/x" },
        { name: "y", path: "/b/x" },
      ],
    },
  ],
  [`--host 0.0.0.0 --token ${TOKEN}`, {}, { host: "0.0.0.0", token: TOKEN }],
  ["--host 0.0.0.0", { MCP_AI_TOOLKIT_TOKEN: TOKEN }, { token: TOKEN }],
  ["--host 0.0.0.0 --insecure", {}, { insecure: true, token: undefined }],
  ["--host 0.0.0.0", { MCP_AI_TOOLKIT_INSECURE: "1" }, { insecure: true }],
  ["--mode stdio --host 0.0.0.0", {}, { mode: "stdio" }],
  ["--host ::1", {}, { host: "::1" }],
];

test.each(CASES)("%s with %j", (argv, env, expected) => {
  expect(parseOptions(argv.split(" ").filter(Boolean), env)).toMatchObject(expected);
});

test.each([
  ["--mode standalon", "--mode must be one of"],
  ["--port -1", "--port"],
  ["--export-root loras", "--export-root takes an absolute folder"],
  ["--export-root /a/loras --export-root /b/loras", 'Two of --export-root are called "loras"'],
  ["--port 1e3", "--port must be a number"],
  ["--stop-grace soon", "--stop-grace must be a number of seconds"],
  ["--stop-grace -1", "--stop-grace"],
  ["--log-max-mb 0.5", "--log-max-mb must be a number of megabytes from 1"],
  ["--log-days never", "--log-days"],
  ["--log-total-gb -1", "--log-total-gb"],
  ["--trainer magic", "--trainer must be one of"],
  ["--log-level loud", "--log-level must be one of"],
  ["--mode client", "needs --backend-url"],
  ["--mode client --backend-url box:8012", "must begin with http"],
  ["--host 0.0.0.0", "openssl rand -hex 32"],
  ["--host 192.168.0.222", "--token-file"],
  ["--host box.lan --mode server", "needs a token"],
  ["--token short", "at least 16 characters"],
])("%s is refused: %s", (argv, sentence) => {
  const refused = (() => {
    try {
      parseOptions(argv.split(" "), {});
    } catch (error) {
      return error;
    }
    return undefined;
  })();
  expect(refused).toBeInstanceOf(UsageError);
  expect(String(refused)).toContain(sentence);
});

test("a token comes from a file, without the line end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "aitk-token-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "token");
  await writeFile(file, `${TOKEN}\n`);
  expect(parseOptions(["--token-file", file], {}).token).toBe(TOKEN);
  await writeFile(file, "two words that are long enough\n");
  expect(() => parseOptions(["--token-file", file], {})).toThrow("no blanks");
});

test("on another address the machine's own names are allowed as Host", () => {
  const { allowHosts } = parseOptions(
    ["--host", "0.0.0.0", "--token", TOKEN, "--allow-host", "box.example"],
    {},
  );
  expect(allowHosts).toEqual(expect.arrayContaining(["127.0.0.1", "box.example"]));
});

test.each([
  ["localhost", true],
  ["127.0.0.1", true],
  ["127.1.2.3", true],
  ["::1", true],
  ["0.0.0.0", false],
  ["127.evil.example", false],
  ["1127.0.0.1", false],
  ["", false],
])("%j is loopback: %s", (host, is) => {
  expect(isLoopback(host)).toBe(is);
});

test("a token's flag wins over the environment, be it the token or its file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "aitk-token-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "token");
  await writeFile(file, TOKEN);
  const env = { MCP_AI_TOOLKIT_TOKEN: "fedcba9876543210fedcba9876543210" };
  expect(parseOptions(["--token-file", file], env).token).toBe(TOKEN);
  expect(parseOptions([], env).token).toBe(env.MCP_AI_TOOLKIT_TOKEN);
});

test("Python may be a path from here or a program on PATH: the trainer runs in another folder", () => {
  expect(parseOptions(["--python", "venv/bin/python"], {}).python).toBe(
    join(process.cwd(), "venv/bin/python"),
  );
  expect(parseOptions(["--python", "sh"], { PATH: "/nonexistent:/bin" }).python).toBe("/bin/sh");
});

test("an IPv6 address may stand in brackets", () => {
  expect(parseOptions(["--host", "[::1]"], {}).host).toBe("::1");
});
