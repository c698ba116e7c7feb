// The owner's commands as real processes, beside a router that listens on a real socket and shares their database.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createApp } from "../../router/app.ts";
import { Audit } from "../../router/audit.ts";
import { firstOf, ownerToken } from "../../router/auth/authenticate.ts";
import { Pairing } from "../../router/auth/pairing.ts";
import { clientTokens, TokenStore } from "../../router/auth/tokens.ts";
import type { Backend } from "../../router/backend.ts";
import { hostPolicy } from "../../router/hosts.ts";
import { type Listening, listen } from "../../router/node.ts";
import { routerDatabase } from "../../router/node-data.ts";
import { type NodeSql, openSql } from "../../router/node-sql.ts";
import { SILENT } from "../../shared/log.ts";
import { shell } from "../testing/curl.ts";
import { freePort } from "../testing/free-port.ts";
import { environment, MAIN, runProgram } from "../testing/program.ts";

vi.setConfig({ testTimeout: 60_000 }); // each command is a process of its own

const OWNER = "owner-token-of-this-test";

const backend: Backend = {
  tools: () => [],
  hasTool: () => false,
  call: async () => ({ kind: "json", output: {} }),
  health: async () => {
    throw new Error("not asked here");
  },
};

let folder: string;
let sql: NodeSql;
let tokens: TokenStore;
let app: ReturnType<typeof createApp>;
let listening: Listening;
let url: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "commands-"));
  sql = openSql(routerDatabase(folder));
  tokens = new TokenStore(sql);
  app = createApp({
    backend,
    surface: "mcp",
    policy: hostPolicy([], []),
    authenticate: firstOf(ownerToken(OWNER), clientTokens(tokens)),
    administration: { tokens, pairing: new Pairing(sql, tokens), audit: new Audit(sql) },
    log: SILENT,
  });
  listening = await listen(app, { port: 0, host: "127.0.0.1" });
  url = `http://127.0.0.1:${listening.port}`;
});
afterEach(async () => {
  await listening.close();
  sql.close();
  await rm(folder, { recursive: true });
});

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  runProgram(args, { env: { HOME: folder, NODE_NO_WARNINGS: "1", ...env } });

async function admits(token: string): Promise<boolean> {
  const response = await fetch(`${url}/mcp/tools`, { headers: { authorization: `Bearer ${token}` } });
  return response.status === 200;
}

/** Both ways to the same router: its database, and its routes. */
async function ways(): Promise<Record<string, readonly string[]>> {
  const file = join(folder, "admin-token");
  await writeFile(file, `${OWNER}\n`);
  return { "its database": ["--data", folder], "its routes": ["--router", url, "--admin-token-file", file] };
}

test.each(["its database", "its routes"])(
  "a token made through %s lets in at once, is listed, and is out once revoked",
  async (way) => {
    const flags = (await ways())[way] ?? [];
    const made = await run(["token", "create", "--scope", "read,train", "--label", "phone", ...flags]);
    expect(made).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/"phone" may read, train; expires: \d{4}-/),
    });
    const secret = made.stdout.trim();
    expect(await admits(secret)).toBe(true);

    const listed = await run(["token", "list", ...flags]);
    const [id = ""] = /[0-9a-f]{12}(?=\s+client\s+phone\s+read,train\s+live)/.exec(listed.stdout) ?? [];
    expect(id, listed.stdout).not.toBe("");
    expect(listed.stdout).not.toContain(secret.slice(-43));

    expect(await run(["token", "revoke", id, ...flags])).toMatchObject({ code: 0 });
    expect(await admits(secret)).toBe(false);
    const [after] = JSON.parse((await run(["token", "list", "--json", ...flags])).stdout) as unknown[];
    expect(after).toMatchObject({ id, revoked_at: expect.any(String) });

    const caller_id = way === "its database" ? "command-line" : "owner";
    const audit = await run(["router", "audit", "--json", "--limit", "2", ...flags]);
    expect(JSON.parse(audit.stdout)).toMatchObject([
      { tool: "token revoke", target: id, caller_id, outcome: "ok" },
      { tool: "token create", target: id, caller_id, outcome: "ok" },
    ]);
    expect((await run(["router", "audit", ...flags])).stdout).toMatch(
      new RegExp(`\\(${caller_id}\\)\\s+token revoke\\s+${id}\\s+ok`),
    );
  },
);

test("who has no tokens yet is told a line that makes one there", async () => {
  const place = ["--data", join(folder, "of another")];
  const { stdout } = await run(["token", "list", ...place]);
  const [, line = ""] = /^No tokens yet; make one: (.+)\n$/.exec(stdout) ?? [];
  expect(await shell(line, process.cwd())).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^mait_/),
  });
  expect((await run(["token", "list", ...place])).stdout).toContain("laptop");
});

test("a machine joins with a code, and its credential lies where only its owner reads it", async () => {
  const code = (await run(["router", "pair", "--data", folder])).stdout.trim();
  const state = join(folder, "box/state");
  const joined = await run(["join", url, "--name", "box222", "--code", code, "--state", state]);
  expect(joined).toMatchObject({ code: 0, stdout: expect.stringContaining("This machine is box222") });
  expect(joined.stdout).toMatch(
    /Now start it: {2}\S+ agent\/main\.ts agent --data \/ai-toolkit --state \S+\n$/,
  );
  const file = join(state, "router.json");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const kept = JSON.parse(await readFile(file, "utf8")) as { token: string };
  expect(kept).toMatchObject({ router: url, name: "box222" });
  expect(await tokens.verify(kept.token, "agent")).toMatchObject({ label: "box222" });
  expect(joined.stdout + joined.stderr).not.toContain(kept.token);

  const again = await run(["join", url, "--name", "box223", "--code", code, "--state", state]);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("This pairing code is not valid") });
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(kept);
});

test("a machine that joins before the router listens waits for it, and says so", async () => {
  const code = (await run(["router", "pair", "--data", folder])).stdout.match(/[0-9A-Z]{4}-[0-9A-Z]{4}/)?.[0];
  const port = await freePort();
  const args = ["join", `http://127.0.0.1:${port}`, "--name", "box222", "--code", code ?? ""];
  const joining = spawn(process.execPath, [MAIN, ...args, "--state", join(folder, "box/state")], {
    env: environment({ HOME: folder, NODE_NO_WARNINGS: "1" }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(joining, "exit");
  const [said] = (await once(joining.stderr, "data")) as [Buffer];
  expect(said.toString()).toContain(`Nobody listens at http://127.0.0.1:${port} yet; waiting`);
  const later = await listen(app, { port, host: "127.0.0.1" });
  try {
    expect(await ended).toEqual([0, null]);
  } finally {
    await later.close();
  }
});

test.each([
  [["token", "create", "--scope", "all", "--label", "x"], 2, /--scope takes read, train, admin/],
  [["token", "create", "--scope", "read", "--label", "x", "--expires", "soon"], 2, /--expires takes/],
  [["token", "create", "--scope", "read"], 2, /--label/],
  [["token", "revoke", "nothing"], 1, /There is no token nothing/],
  [["token", "list", "--router", "http://train.example.org"], 2, /admin-token-file/],
  [["join", "http://train.example.org", "--code", "x"], 2, /use https/],
  [["join", "train", "--code", "x"], 2, /no address of a router/],
  [["join", "http://127.0.0.1:1", "--code", "x", "--name", "box"], 1, /cannot be reached/],
] as const)("%j ends with %i and says what is wrong", async (args, code, message) => {
  const ran = await run(args, { MCP_AI_TOOLKIT_ROUTER_DATA: folder });
  expect(ran.code).toBe(code);
  expect(ran.stderr).toMatch(message);
});
