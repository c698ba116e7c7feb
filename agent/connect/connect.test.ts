// connect as a person calls it: what it prints and writes, and that the server lets the token in.
import {
  chmod,
  chown,
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
import { parse as parseToml } from "smol-toml";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { runProgram, startProgram } from "../testing/program.ts";
import { subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 60_000 });

let home: string;
let data: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "connect-"));
  data = join(home, "data");
  await mkdir(data);
});
afterEach(() => rm(home, { recursive: true, force: true }));

const connect = (...args: readonly string[]) => runProgram(["connect", ...args], { env: { HOME: home } });
const LAN = ["--url", "http://192.168.0.222:8012"] as const;
const tokens = async () =>
  JSON.parse((await runProgram(["token", "list", "--json", "--agent-data", data])).stdout) as Record<
    string,
    unknown
  >[];

test.skipIf(process.geteuid?.() !== 0)(
  "under sudo the token is made as its folder's owner, and the file written as the person who typed it",
  async () => {
    const [service, person] = [65_534, 1]; // nobody and daemon, on every Linux
    const theirs = join(home, "theirs");
    await mkdir(theirs);
    await chmod(home, 0o755);
    await chown(data, service, service);
    await chown(theirs, person, person);
    const args = ["cursor", "--write", ...LAN, "--agent-data", data, "--file", join(theirs, "mcp.json")];
    const env = { HOME: home, SUDO_UID: String(person), SUDO_GID: String(person) };
    const { code, stderr } = await runProgram(["connect", ...args], { env });
    expect(code, stderr).toBe(0);
    expect(await stat(join(theirs, "mcp.json"))).toMatchObject({ uid: person, gid: person });
    expect(await stat(join(data, ".mcp-ai-toolkit/tokens.db"))).toMatchObject({ uid: service, gid: service });
  },
);

test("claude-code: the command with a token for train, which the server lets in for just that", async () => {
  const program = await startProgram({
    data,
    args: ["--host", "0.0.0.0"],
    env: { MCP_AI_TOOLKIT_TOKEN: "owner-token-of-this-test" },
  });
  onTestFinished(() => program.close());
  const { code, stdout, stderr } = await connect("claude-code", ...LAN, "--agent-data", data);
  expect(code, stderr).toBe(0);
  const [, token = ""] =
    /^claude mcp add --transport http --scope user aitoolkit http:\/\/192\.168\.0\.222:8012\/mcp --header 'Authorization: Bearer (mait_\S+)'$/m.exec(
      stdout,
    ) ?? [];
  const caller = subjectOf({ url: `http://127.0.0.1:${new URL(program.url).port}`, data, token });
  expect(await caller.call("list_configs")).toMatchObject({ configs: [] });
  expect((await caller.execute("delete_config", { name: "x" })).status).toBe(403);
  expect(await tokens()).toMatchObject([
    { label: "claude-code", scopes: ["train"], expires_at: expect.any(String) },
  ]);
});

test("a server of this machine alone needs no token", async () => {
  const { stdout } = await connect("claude-code");
  expect(stdout).toContain("aitoolkit http://127.0.0.1:8012/mcp\n");
});

test("a server of this machine that asks for a token gets one, from where it was said to be made", async () => {
  const program = await startProgram({ data, env: { MCP_AI_TOOLKIT_TOKEN: "owner-token-of-this-test" } });
  onTestFinished(() => program.close());
  const refused = await connect("claude-code", "--url", program.url);
  expect(refused.code, refused.stdout).toBe(2);
  expect(refused.stderr).toContain("sudo mcp-ai-toolkit connect claude-code");
  const { stdout } = await connect("claude-code", "--url", program.url, "--agent-data", data);
  expect(stdout).toContain("Authorization: Bearer mait_");
});

test("--write merges into the client's file, also behind a link, and keeps the old one", async () => {
  const before = '{\n  // mine\n  "mcpServers": { "other": { "command": "x" } }\n}\n';
  await mkdir(join(home, ".cursor"));
  await mkdir(join(home, "dotfiles"));
  const real = join(home, "dotfiles/mcp.json");
  await writeFile(real, before, { mode: 0o640 });
  await symlink(real, join(home, ".cursor/mcp.json"));
  const { code, stdout, stderr } = await connect(
    "cursor",
    "--write",
    ...LAN,
    "--agent-data",
    data,
    "--machine",
    "box",
  );
  expect(code, stderr).toBe(0);
  const after = await readFile(real, "utf8");
  expect(after).toMatch(
    /\/\/ mine[\s\S]*"other"[\s\S]*"url": "http:\/\/192\.168\.0\.222:8012\/m\/box\/mcp"[\s\S]*"Bearer mait_/,
  );
  expect((await stat(real)).mode & 0o777).toBe(0o640);
  expect(await readFile(`${real}.before-mcp-ai-toolkit`, "utf8")).toBe(before);
  expect(stdout + stderr).not.toContain("mait_");
  expect((await readdir(join(home, "dotfiles"))).sort()).toEqual([
    "mcp.json",
    "mcp.json.before-mcp-ai-toolkit",
  ]);
});

test("a new file is its owner's alone; codex gets TOML, VS Code asks for the token itself", async () => {
  const codex = await connect("codex", "--write", ...LAN, "--agent-data", data);
  expect(codex.code, codex.stderr).toBe(0);
  const file = join(home, ".codex/config.toml");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(parseToml(await readFile(file, "utf8"))).toEqual({
    mcp_servers: {
      aitoolkit: {
        url: "http://192.168.0.222:8012/mcp",
        http_headers: { Authorization: expect.stringMatching(/^Bearer mait_/) },
      },
    },
  });
  const vscode = await connect("vscode", "--write", ...LAN, "--agent-data", data);
  const written = await readFile(join(home, ".config/Code/User/mcp.json"), "utf8");
  expect(JSON.parse(written)).toMatchObject({
    servers: {
      aitoolkit: { headers: { Authorization: expect.stringContaining("{input:aitoolkit-token}") } },
    },
    inputs: [{ id: "aitoolkit-token", password: true }],
  });
  expect(written).not.toContain("mait_");
  expect(vscode.stdout).toContain("mait_");
});

test("a file that does not parse stays as it is, and no token is made for it", async () => {
  await mkdir(join(home, ".cursor"));
  await writeFile(join(home, ".cursor/mcp.json"), "{ broken");
  const { code, stderr } = await connect("cursor", "--write", ...LAN, "--agent-data", data);
  expect(code).toBe(2);
  expect(stderr).toContain("is no JSON (line 1");
  expect(await readFile(join(home, ".cursor/mcp.json"), "utf8")).toBe("{ broken");
  expect(await tokens()).toEqual([]);
});

test("claude and chatgpt say what a LAN address cannot do, and what to do with a public one", async () => {
  const lan = await connect("claude", ...LAN, "--agent-data", data);
  expect(lan.stdout).toContain("cannot reach 192.168.0.222:8012");
  expect(lan.stdout).toMatch(
    /"mcp-remote",[\s\S]*"--allow-http"[\s\S]*"AITOOLKIT_AUTHORIZATION": "Bearer mait_/,
  );
  const chatgpt = (await connect("chatgpt", ...LAN)).stdout;
  expect(chatgpt).toContain("cannot reach 192.168.0.222:8012");
  expect(chatgpt).toContain("agent/main.ts connect chatgpt --url https://YOUR-ROUTER\n");
  const open = ["--url", "https://train.example.org"] as const;
  expect((await connect("claude", ...open, "--no-token")).stdout).toContain("Add custom connector");
  expect((await connect("chatgpt", ...open)).stdout).toMatch(/https:\/\/train\.example\.org\/mcp\n.*OAuth/);
});

test("through a router the token is the router's", async () => {
  const router = await startProgram({ command: "router" });
  onTestFinished(() => router.close());
  const { code, stdout, stderr } = await connect(
    "inspector",
    "--url",
    router.url,
    "--data",
    router.data,
    "--scope",
    "read",
  );
  expect(code, stderr).toBe(0);
  const [, token = ""] = /--header 'Authorization: Bearer (mait_\S+)'/.exec(stdout) ?? [];
  const tools = await fetch(`${router.url}/mcp/tools`, { headers: { authorization: `Bearer ${token}` } });
  expect(tools.status).toBe(200);
});

test("a client without a file is not told of a token that nobody made", async () => {
  for (const client of ["inspector", "claude"]) {
    const url = "https://train.example.org";
    const { code, stdout, stderr } = await connect(client, "--write", "--url", url, "--agent-data", data);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toBe(`${client} has no file to write into; without --write this says what to do\n`);
  }
  expect(await tokens()).toEqual([]);
});

test.each([
  [["emacs"], "Allowed choices are claude-code, claude"],
  [["cursor", "--url", "train"], "is no address of a server"],
  [["cursor", ...LAN], "Where?"],
  [["cursor", "--name", "a b"], "--name takes"],
  [["cursor", ...LAN, "--agent-data", "/nonexistent"], "there is no folder"],
  [["cursor", ...LAN, "--file", "mcp.json"], "--file goes with --write"],
  [["chatgpt", "--write"], "has no file to write into"],
  [["cursor", ...LAN, "--agent-data", ".", "--scope", "all"], "--scope takes"],
])("%j is a mistake that is explained", async (args, sentence) => {
  expect(await connect(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
});
