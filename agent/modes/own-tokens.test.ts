// Clients of a machine without a router: each with a token of its own, made while the machine runs.
import { chmod, chown, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { machineAdmin } from "../commands/machine-admin.ts";
import { begunCall } from "../testing/begun-call.ts";
import { clear, newDataFolder, type Program, runProgram, startProgram } from "../testing/program.ts";
import { putConfig, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 60_000 });

async function token(data: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(["token", ...args, "--agent-data", data]);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

const callerAt = ({ url, data }: Program, secret?: string) =>
  subjectOf({ url: `http://127.0.0.1:${new URL(url).port}`, data, token: secret });

test("another address than loopback is served once a token was made; each may what its scopes say, until revoked", async () => {
  const data = await newDataFolder();
  onTestFinished(() => clear(data));
  const lan = ["--host", "0.0.0.0", "--port", "0", "--data", data, "--trainer", "rehearsal"];
  const refused = await runProgram(lan);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--agent-data") });

  const reader = await token(data, "create", "--scope", "read", "--label", "phone");
  const program = await startProgram({ data, args: ["--host", "0.0.0.0"] });
  onTestFinished(() => program.close());
  expect((await callerAt(program).send("/mcp/tools")).status).toBe(401);
  expect(await callerAt(program, reader).call("list_configs")).toMatchObject({ configs: [] });
  expect(await callerAt(program, reader).execute("delete_config", { name: "x" })).toMatchObject({
    status: 403,
  });

  const admin = await token(data, "create", "--scope", "admin", "--label", "me");
  expect(await callerAt(program, admin).execute("delete_config", { name: "x" })).not.toMatchObject({
    status: 403,
  });
  const [{ id }] = JSON.parse(await token(data, "list", "--json")) as [{ id: string }];
  await token(data, "revoke", id);
  expect((await callerAt(program, admin).send("/mcp/tools")).status).toBe(401);
});

test("on loopback nobody needs one, but who brings one may no more than it says", async () => {
  const program = await startProgram();
  onTestFinished(() => program.close());
  const reader = await token(program.data, "create", "--scope", "read", "--label", "phone");
  expect((await callerAt(program).execute("delete_config", { name: "x" })).status).not.toBe(403);
  expect((await callerAt(program, reader).execute("delete_config", { name: "x" })).status).toBe(403);
});

test("on the LAN, too, a token's links end when it is revoked, also those from before a restart", async () => {
  const data = await newDataFolder();
  onTestFinished(() => clear(data));
  await token(data, "create", "--scope", "admin", "--label", "me");
  const phone = await token(data, "create", "--scope", "read", "--label", "phone");
  const start = () => startProgram({ data, args: ["--host", "0.0.0.0"] });
  const program = await start();
  onTestFinished(() => program.close());
  const { paths, call } = callerAt(program, phone);
  await putConfig(paths, "mine", "job: extension\n");
  const { pathname } = new URL(
    String((await call("create_download_link", { kind: "config", name: "mine" }))["url"]),
  );
  const status = async (of: Program) => (await callerAt(of).send(pathname)).status;
  expect(await status(program)).toBe(200);
  await program.stop();
  const again = await start();
  onTestFinished(() => again.close());
  expect(await status(again)).toBe(200);
  await token(data, "revoke", phone.split("_")[1] ?? "");
  expect(await status(again)).toBe(404);
});

test("a token that may not upload is given no link to do so, however large its call", async () => {
  const program = await startProgram();
  onTestFinished(() => program.close());
  const reader = await token(program.data, "create", "--scope", "read", "--label", "phone");
  const body = { tool: "upload_dataset", arguments: { dataset_name: "large", images: [] } };
  const call = { bytes: 65 * 1024 * 1024, body, token: reader };
  const { status, json } = await begunCall(`${program.url}/mcp/execute`, call);
  expect([status, json["link"], json["hint"]]).toEqual([
    413,
    undefined,
    expect.stringContaining("create_upload_link"),
  ]);
  expect(await callerAt(program).call("revoke_link")).toMatchObject({ links: [] });
});

const isRoot = process.geteuid?.() === 0;

test.skipIf(!isRoot)("what root makes belongs to whom the data folder belongs to", async () => {
  const data = await newDataFolder();
  onTestFinished(() => clear(data));
  const NOBODY = 65_534;
  await chown(data, NOBODY, NOBODY);
  await token(data, "create", "--scope", "read", "--label", "phone");
  const state = join(data, ".mcp-ai-toolkit");
  for (const path of [state, ...(await readdir(state)).map((name) => join(state, name))]) {
    const { uid, mode } = await stat(path);
    expect(uid, path).toBe(NOBODY);
    expect(mode & 0o077, path).toBe(0);
  }
});

test.skipIf(!isRoot)("tokens in somebody else's folder are root's to make, and that is said", async () => {
  const data = await newDataFolder();
  onTestFinished(() => clear(data));
  const [NOBODY, DAEMON] = [65_534, 1];
  await chown(data, NOBODY, NOBODY);
  await chmod(data, 0o755);
  await token(data, "create", "--scope", "read", "--label", "phone");
  process.seteuid?.(DAEMON);
  onTestFinished(() => process.seteuid?.(0));
  expect(() => machineAdmin(data, {})).toThrow("run this with sudo");
});

test("a data folder that is not there is not made", async () => {
  const data = await newDataFolder();
  onTestFinished(() => clear(data));
  await mkdir(join(data, "a"));
  const args = ["token", "create", "--scope", "read", "--label", "x", "--agent-data", join(data, "typo")];
  expect(await runProgram(args)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("there is no folder"),
  });
  expect(await readdir(data)).toEqual(["a"]);
});
