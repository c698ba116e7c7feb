// Each check on the good and the bad case: real files, programs, ports and servers.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { CALLED } from "../called.ts";
import { layoutIn } from "../install/layout.ts";
import { createFolders, pathsOf } from "../paths.ts";
import { freePort } from "../testing/free-port.ts";
import { runProgram, startProgram } from "../testing/program.ts";
import type { TrainerOptions } from "../trainer/trainer.ts";
import { driverCheck } from "./driver-check.ts";
import { lookAt, outsideParts } from "./examine.ts";
import { accessFinding, modelChecks } from "./model-checks.ts";
import { clockFinding, portCheck, routerChecks, tokenFindings } from "./network-checks.ts";
import { diskFinding, permissionChecks } from "./place-checks.ts";
import { nodeCheck, serviceCheck } from "./program-checks.ts";
import { findingLines, summaryLine } from "./report.ts";
import { toolkitChecks, torchCheck } from "./toolkit-checks.ts";
import { whatToLookAt } from "./what-to-look-at.ts";

vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "doctor-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, text: string, mode = 0o644): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

async function serving(
  answer: (path: string, response: ServerResponse, token?: string) => void,
): Promise<string> {
  const server: Server = createServer((request, response) =>
    answer(request.url ?? "", response, request.headers.authorization),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

test("an old Node is an error", () => {
  expect(nodeCheck("24.1.0")).toMatchObject([{ status: "ok" }]);
  expect(nodeCheck("20.9.0")).toMatchObject([{ status: "error", message: expect.stringContaining("22.18") }]);
});

const trainer = (toolkit = folder): TrainerOptions => ({
  choice: "auto",
  toolkitFolders: [toolkit],
  rehearsalCommand: ["node"],
  searchPath: "",
});

test("ai-toolkit: missing, without its venv, and whole", async () => {
  const look = async (service = false) => (await toolkitChecks(trainer(), "/my data", service)).findings;
  expect(await look()).toMatchObject([
    { check: "ai-toolkit", status: "error", fix: `${CALLED} setup-toolkit --data '/my data'` },
  ]);
  expect(await look(true)).toMatchObject([{ fix: "sudo mcp-ai-toolkit setup-toolkit --data '/my data'" }]);
  await put("run.py", "");
  expect(await look()).toMatchObject([
    { check: "ai-toolkit", status: "warning" },
    { check: "Python", status: "error" },
  ]);
  await put("version.py", 'VERSION = "0.12.26"');
  await put("extensions_built_in/sd_trainer/DiffusionTrainer.py", "AITK_JOB_ID");
  await put("venv/bin/python", "", 0o755);
  expect(await look()).toEqual([
    { check: "ai-toolkit", status: "ok", message: `0.12.26 in ${folder}` },
    { check: "Python", status: "ok", message: join(folder, "venv/bin/python") },
  ]);
});

test("a virtual environment whose Python is gone is an error, and nothing is to be installed into another", async () => {
  const home = dirname(await put("tk/run.py", ""));
  const other = await put("bin/python3", "#!/bin/sh\necho 'No module named torch' >&2; exit 1\n", 0o755);
  await mkdir(join(home, "venv/bin"), { recursive: true });
  await symlink("/usr/bin/python3.0-gone", join(home, "venv/bin/python"));
  const options = { ...trainer(home), searchPath: dirname(other) };
  const { findings, toolkit } = await toolkitChecks(options, "/data", false);
  expect(findings[1]).toEqual({
    check: "Python",
    status: "error",
    message: `${home}/venv/bin/python leads nowhere: the Python that it was made with is gone`,
    fix: `${CALLED} setup-toolkit --data /data`,
  });
  if (!toolkit) throw new Error("not found");
  const [torch] = await torchCheck(toolkit, { service: false, environment: {} });
  expect(torch).toMatchObject({ status: "error", fix: expect.not.stringContaining("pip") });
});

test.each([
  [
    `echo '{"python":"3.12.1","torch":"2.9.0","cuda":"12.8","devices":["RTX 4090"]}'`,
    "ok",
    "2.9.0 on Python 3.12.1 sees RTX 4090",
  ],
  [
    `echo warnings first; echo '{"python":"3.12.1","torch":"2.9.0","cuda":"12.8","devices":[]}'`,
    "error",
    "sees no GPU",
  ],
  [
    `echo '{"python":"3.12.1","torch":"2.9.0+cpu","cuda":null,"devices":[]}'`,
    "error",
    "made for the CPU only",
  ],
  ["echo 'ModuleNotFoundError: No module named torch' >&2; exit 1", "error", "No module named torch"],
  ["echo nonsense", "error", "cannot be read"],
  ["exec sleep 60", "error", "not imported within 0.5 s"],
])("torch that answers by %j is %s", async (script, status, message) => {
  const python = await put("venv/bin/python", `#!/bin/sh\n${script}\n`, 0o755);
  const toolkit = { path: folder, version: null, python, reports: true, requests: [] };
  const timeoutMs = script.includes("sleep") ? 500 : 30_000;
  const environment = { PATH: "/bin:/usr/bin" };
  expect(await torchCheck(toolkit, { service: false, environment, timeoutMs })).toMatchObject([
    { status, message: expect.stringContaining(message) },
  ]);
});

test.each([
  ["", "mend the driver first"],
  [
    "CUDA Version: 13.1",
    "pip install --force-reinstall torch==2.9.1 torchvision torchaudio --index-url https://download.pytorch.org/whl/cu130",
  ],
  ["CUDA Version: 12.7", "https://download.pytorch.org/whl/cu126"],
  ["CUDA Version: 11.4", "update the driver"],
])("torch for the CPU only, on a machine whose driver says %j: %s", async (driver, fix) => {
  const answer = `echo '{"python":"3.12.1","torch":"2.9.0+cpu","cuda":null,"devices":[]}'`;
  const python = await put("venv/bin/python", `#!/bin/sh\n${answer}\n`, 0o755);
  await put("README.md", "pip install --no-cache-dir torch==2.9.1 --index-url https://x");
  await put("nvidia-smi", `#!/bin/sh\necho '${driver}'\n`, 0o755);
  const toolkit = { path: folder, version: null, python, reports: true, requests: [] };
  const environment = { PATH: `${folder}:/bin:/usr/bin` };
  expect(await torchCheck(toolkit, { service: false, environment })).toMatchObject([
    { status: "error", fix: expect.stringContaining(fix) },
  ]);
});

test("the driver: none, broken, and at work", async () => {
  const look = () => driverCheck({ PATH: `${folder}:/bin:/usr/bin` });
  expect(await driverCheck({ PATH: folder })).toMatchObject([
    { status: "error", message: expect.stringContaining("no nvidia-smi") },
  ]);
  await put(
    "nvidia-smi",
    "#!/bin/sh\necho 'Failed to initialize NVML: Driver/library version mismatch'; exit 18\n",
    0o755,
  );
  expect(await look()).toMatchObject([
    { status: "error", message: expect.stringContaining("mismatch"), fix: expect.stringContaining("reboot") },
  ]);
  await put("nvidia-smi", "#!/bin/sh\necho 'NVIDIA GeForce RTX 4090, 24564 MiB, 570.86'\n", 0o755);
  expect(await look()).toEqual([
    { check: "GPU driver", status: "ok", message: "570.86: NVIDIA GeForce RTX 4090, 24564 MiB" },
  ]);
});

test.each([
  [100, "ok"],
  [20, "warning"],
  [1, "error"],
])("%i GiB of room are %s", (gib, status) => {
  expect(diskFinding("runs", "/x", gib * 1024 ** 3)).toMatchObject({ check: "disk", status });
});

test("folders that can be written are fine; what is in the way is named with the command that mends it", async () => {
  const paths = pathsOf({ data: folder, exportRoots: [{ name: "comfy", path: join(folder, "comfy") }] });
  expect(await permissionChecks(paths)).toMatchObject([{ status: "ok" }]);
  await createFolders(paths);
  await rm(paths.datasets, { recursive: true });
  await writeFile(paths.datasets, "a file");
  expect(await permissionChecks(paths, "anna")).toMatchObject([
    { status: "error", message: `${paths.datasets} is not a folder (as anna)` },
  ]);
});

test.skipIf(process.geteuid?.() !== 0)(
  "a folder of somebody else's is an error for everybody but root",
  async () => {
    const paths = pathsOf({ data: folder });
    await createFolders(paths);
    const NOBODY = 65_534;
    for (const path of [folder, paths.config, paths.output, paths.outputs, paths.state])
      await chown(path, NOBODY, NOBODY);
    process.seteuid?.(NOBODY);
    const missing = pathsOf({ data: "/srv/not there" });
    const [findings, others] = await Promise.all([
      permissionChecks(paths, "nobody"),
      permissionChecks(missing, "nobody"),
    ]).finally(() => process.seteuid?.(0));
    // Never a word that would give a folder of the system away.
    expect(others).toEqual([
      {
        check: "permissions",
        status: "error",
        message: "/srv/not there is missing, and /srv may not be written (as nobody)",
        fix: "sudo install -d -o nobody '/srv/not there'",
      },
    ]);
    expect(findings).toEqual([
      {
        check: "permissions",
        status: "error",
        message: `${paths.datasets} may not be written (as nobody)`,
        fix: `sudo chown -R nobody: ${paths.datasets}`,
      },
    ]);
  },
);

test.skipIf(process.geteuid?.() !== 0)(
  "a folder is taken from nobody: what is somebody else's is shared, and a closed way to it is named",
  async () => {
    const [NOBODY, DAEMON] = [65_534, 1];
    const paths = pathsOf({
      data: folder,
      exportRoots: [{ name: "comfy", path: join(folder, "home/loras") }],
    });
    await createFolders(paths);
    await mkdir(join(folder, "home/loras"), { recursive: true });
    for (const path of Object.values(paths).filter(
      (each) => typeof each === "string" && each.startsWith(folder),
    ))
      await chown(path as string, NOBODY, NOBODY).catch(() => {}); // databases that are not made yet
    await chown(join(folder, "home/loras"), DAEMON, DAEMON);
    await chmod(folder, 0o755);
    const asNobody = async (serviceUser?: string) => {
      process.seteuid?.(NOBODY);
      return await permissionChecks(paths, "nobody", serviceUser).finally(() => process.seteuid?.(0));
    };
    const loras = join(folder, "home/loras");
    expect(await asNobody()).toMatchObject([
      {
        message: `${loras} may not be written (as nobody)`,
        fix: `it is daemon's; share it: sudo setfacl -R -m u:nobody:rwX ${loras}`,
      },
    ]);
    expect(await asNobody("daemon")).toMatchObject([
      { fix: "it is the service's, which looks by: sudo mcp-ai-toolkit doctor" },
    ]);
    await chmod(join(folder, "home"), 0o700);
    expect(await asNobody()).toMatchObject([
      {
        message: `${loras} cannot be reached (as nobody)`,
        fix: expect.stringContaining(`namei -l ${loras}`),
      },
    ]);
  },
);

test.each([
  ["no service", undefined, undefined, "folder"],
  ["the service's settings are root's", { user: "anna", settings: undefined }, undefined, "outside"],
  ["root may read them", { user: "anna", settings: { AI_TOOLKIT_PATH: "/d" } }, undefined, "service"],
  ["its folder was named", { user: "anna", settings: { AI_TOOLKIT_PATH: "/d" } }, "/d/", "service"],
  ["another folder was named", { user: "anna", settings: { AI_TOOLKIT_PATH: "/d" } }, "/tmp/try", "folder"],
  ["a folder was named", { user: "anna", settings: undefined }, "/tmp/try", "folder"],
] as const)("what is looked at when %s", (_what, service, data, expected) => {
  expect(whatToLookAt(service, data)).toBe(expected);
});

test("of a service whose settings are closed to the caller only what hangs on none is looked at", async () => {
  const findings = (await Promise.all(outsideParts({}).map(lookAt))).flat();
  expect(findings).toContainEqual({
    check: "settings",
    status: "error",
    message: "of the service are root's to read, so the rest was not looked at",
    fix: "sudo mcp-ai-toolkit doctor",
  });
  for (const check of ["permissions", "router", "port", "tokens", "ai-toolkit"])
    expect(findings.map((each) => each.check)).not.toContain(check);
});

test("base models: what the configs name is asked of the hub with the token, which nobody sees", async () => {
  const asked: string[] = [];
  const hub = await serving((path, response, token) => {
    asked.push(`${path} ${token}`);
    response.writeHead(path.includes("open") ? 200 : path.includes("gone") ? 404 : 403).end();
  });
  const paths = pathsOf({ data: folder });
  await createFolders(paths);
  for (const name of ["open", "locked", "gone", "here"])
    await writeFile(
      join(paths.config, `${name}.yaml`),
      `config:\n  process:\n  - model: {name_or_path: org/${name}}\n`,
    );
  await writeFile(join(paths.config, "broken.yaml"), "{");
  await writeFile(
    join(paths.config, "local.yaml"),
    "config: {process: [{model: {name_or_path: /models/x}}]}\n",
  );
  await put("hf/hub/models--org--here/snapshots/abc/model_index.json", "{}");
  const environment = { HF_HOME: join(folder, "hf"), HF_ENDPOINT: hub, HF_TOKEN: "hf_secret" };
  const question = { paths, toolkit: folder, environment, offline: false };
  const findings = await modelChecks(question);
  expect(findings.map(({ status, message }) => `${status}: ${message}`)).toEqual([
    "ok: there is one",
    "error: org/gone (config gone) is not on Hugging Face, or private",
    "ok: org/here is on this machine",
    "error: org/locked (config locked) is gated, and the token may not read it",
    "ok: org/open (config open) can be downloaded",
  ]);
  expect(asked).toContain("/api/models/org/open/auth-check Bearer hf_secret");
  expect(JSON.stringify(findings)).not.toContain("hf_secret");

  asked.length = 0;
  const offline = await modelChecks({
    ...question,
    environment: { HF_HOME: join(folder, "hf") },
    offline: true,
  });
  expect(asked).toEqual([]);
  expect(offline.map(({ status }) => status)).toEqual(["warning", "warning", "ok", "warning", "warning"]);
});

test("a gated model of our own list is known without a network", () => {
  expect(accessFinding("black-forest-labs/FLUX.1-dev", "c", undefined, false)).toMatchObject({
    status: "error",
  });
  expect(accessFinding("black-forest-labs/FLUX.1-dev", "c", undefined, true)).toMatchObject({
    status: "warning",
  });
  expect(accessFinding("a/b", "c", 503, true)).toMatchObject({ message: expect.stringContaining("503") });
});

test("the service: none, at work, and failed", async () => {
  const layout = layoutIn(folder);
  expect(await serviceCheck(layout, async () => "inactive")).toEqual([]);
  await put("etc/systemd/system/mcp-ai-toolkit.service", "[Service]\nUser=anna\n");
  expect(await serviceCheck(layout, async () => "active")).toMatchObject([
    { status: "ok", message: "runs as anna" },
  ]);
  expect(await serviceCheck(layout, async () => "failed")).toMatchObject([
    { status: "error", fix: expect.stringContaining("systemctl restart") },
  ]);
});

test("the port: ours, free, missing, and somebody else's", async () => {
  const ours = await serving((_path, response) => response.end('{"server":"ai-toolkit","version":"1.2.3"}'));
  expect(await portCheck(ours, true)).toMatchObject([
    { status: "ok", message: expect.stringContaining("1.2.3") },
  ]);
  const theirs = await serving((_path, response) => response.end("hello"));
  expect(await portCheck(theirs, false)).toMatchObject([
    { status: "error", message: expect.stringContaining("another program") },
  ]);
  const mute = createTcpServer((socket) => socket.end("SSH-2.0\r\n", () => socket.destroy())).listen(
    0,
    "127.0.0.1",
  );
  await once(mute, "listening");
  const { port } = mute.address() as { port: number };
  expect(await portCheck(`http://127.0.0.1:${port}`, false)).toMatchObject([
    { status: "error", message: expect.stringContaining("does not speak HTTP") },
  ]);
  mute.close();
  await once(mute, "close");
  expect(await portCheck(`http://127.0.0.1:${port}`, false)).toMatchObject([
    { status: "ok", message: `${port} is free` },
  ]);
  expect(await portCheck(`http://127.0.0.1:${port}`, true)).toMatchObject([{ status: "error" }]);
});

test("a real router: joined, revoked, gone; and its clock", async () => {
  const router = await startProgram({ command: "router" });
  onTestFinished(() => router.close());
  const state = join(folder, "state");
  const code = (await runProgram(["router", "pair", "--data", router.data])).stdout.trim();
  await runProgram(["join", router.url, "--name", "box", "--code", code, "--state", state]);
  const doctor = async (asServiceIn?: string) => {
    const args = [
      "doctor",
      ...(asServiceIn === undefined ? [] : ["--service"]),
      "--data",
      folder,
      "--state",
      state,
      "--trainer",
      "rehearsal",
      "--port",
      "1",
      "--json",
    ];
    const env: Record<string, string> = asServiceIn === undefined ? {} : { MCP_AI_TOOLKIT_MODE: asServiceIn };
    const { stdout } = await runProgram(args, { env });
    const { findings } = JSON.parse(stdout) as { findings: { check: string }[] };
    return findings.filter(({ check }) => check === "router" || check === "clock");
  };
  expect(await doctor()).toMatchObject([
    { status: "ok", message: `${router.url} takes this machine as box` },
    { check: "clock", status: "ok" },
  ]);
  expect(await doctor("agent")).toMatchObject([{ check: "router", status: "ok" }, { check: "clock" }]);
  expect(await doctor("standalone")).toEqual([]);
  const listed = await runProgram(["token", "list", "--json", "--data", router.data]);
  const [{ id }] = JSON.parse(listed.stdout) as [{ id: string }];
  await runProgram(["token", "revoke", id, "--data", router.data]);
  expect(await doctor()).toMatchObject([
    {
      status: "error",
      message: expect.stringContaining("revoked"),
      fix: expect.stringMatching(/agent\/main\.ts join \S+ --data \S+ --state \S+ --name box --code/),
    },
    { check: "clock" },
  ]);
  const folders = { data: folder };
  const service = { router: router.url, name: "box", token: "mait_of_old" };
  expect(await routerChecks({ router: service, service: true, folders })).toMatchObject([
    { fix: expect.stringContaining(`sudo mcp-ai-toolkit install --router ${router.url} --name box --code`) },
    { check: "clock" },
  ]);
  // A page of something else, which answers all with 200.
  const other = await serving((_path, response) => response.end("<html>welcome</html>"));
  expect(
    await routerChecks({ router: { router: other, token: "t", name: "box" }, service: false, folders }),
  ).toMatchObject([
    { status: "error", message: `${other} is no router: something else answers there` },
    { check: "clock" },
  ]);
  await router.stop();
  expect(await routerChecks({ router: { router: router.url }, service: false, folders })).toMatchObject([
    { status: "error", message: expect.stringContaining("cannot be reached: connect ECONNREFUSED") },
  ]);
});

test.each([
  [10, "ok"],
  [-90, "warning"],
  [3_600, "error"],
])("a clock that is %i s off is %s", (seconds, status) => {
  const now = new Date("2026-11-29T12:00:00Z");
  const date = new Date(now.getTime() + seconds * 1_000).toUTCString();
  expect(clockFinding(date, now)).toMatchObject([{ check: "clock", status }]);
  expect(clockFinding(null, now)).toEqual([]);
});

test("tokens: who may come in, and until when", () => {
  const now = new Date("2026-11-29T12:00:00Z");
  const token = { label: "phone", scopes: ["read"], expires_at: null, revoked_at: null };
  const door = {
    host: "0.0.0.0",
    ownerToken: false,
    insecure: false,
    tokens: [],
    data: "/d",
    service: false,
    now,
  };
  const made = "token create --agent-data /d --scope train --label laptop";
  expect(tokenFindings(door)).toMatchObject([{ status: "error", fix: `${CALLED} ${made}` }]);
  expect(tokenFindings({ ...door, service: true })).toMatchObject([{ fix: `sudo mcp-ai-toolkit ${made}` }]);
  expect(tokenFindings({ ...door, host: "127.0.0.1" })).toMatchObject([{ status: "ok" }]);
  expect(tokenFindings({ ...door, insecure: true })).toMatchObject([{ status: "warning" }]);
  expect(tokenFindings({ ...door, ownerToken: true })).toMatchObject([{ status: "ok" }]);
  expect(tokenFindings({ ...door, tokens: [token] })).toEqual([
    { check: "tokens", status: "ok", message: "phone (read)" },
  ]);
  expect(tokenFindings({ ...door, tokens: [{ ...token, revoked_at: "2026-01-01" }] })).toMatchObject([
    { status: "error" },
  ]);
  expect(
    tokenFindings({ ...door, tokens: [{ ...token, expires_at: "2026-12-01T00:00:00Z" }] }),
  ).toMatchObject([{ status: "ok" }, { status: "warning", message: '"phone" expires on 2026-12-01' }]);
});

test("a line each, with a sign and a word; colours for people only; foreign text cannot break it", () => {
  const finding = { check: "torch", status: "error", message: "bad\u001b[2J\nnews", fix: "do this" } as const;
  const [line = "", fix = ""] = findingLines(finding, false);
  expect(line).toBe("✗ error    torch        bad [2J news");
  expect(fix.trim()).toBe("→ do this");
  expect(findingLines(finding, true)[0]).toContain("\u001b[31m✗");
  expect(summaryLine([finding])).toBe("1 error, 0 warnings");
  expect(summaryLine([])).toBe("All is well.");
});

test("who reads only the first lines ends it without a word", async () => {
  const args = ["doctor", "--data", folder, "--trainer", "rehearsal", "--offline", "--port", "1"];
  const line = `"$1" agent/main.ts ${args.join(" ")} | head -n 1`;
  const { stdout, stderr } = await promisify(execFile)("sh", ["-c", line, "sh", process.execPath], {
    env: { PATH: "/usr/bin:/bin", NODE_NO_WARNINGS: "1" },
  });
  expect([stdout, stderr]).toEqual([expect.stringContaining("Node.js"), ""]);
});

test("on a machine without GPU and toolkit the command says so and ends with 1; a rehearsal is well", async () => {
  const port = String(await freePort());
  const bare = await runProgram(["doctor", "--data", folder, "--offline", "--port", port]);
  expect(bare).toMatchObject({ code: 1, stderr: "" });
  expect(bare.stdout).toMatch(/✗ error {4}ai-toolkit {3}there is no run\.py/);
  expect(bare.stdout).toContain(`agent/main.ts setup-toolkit --data ${folder}\n`);
  expect(bare.stdout).not.toContain("\u001b");
  const args = ["doctor", "--data", folder, "--trainer", "rehearsal", "--port", port, "--json"];
  const played = await runProgram(args);
  expect(played.code, played.stdout).toBe(0);
  expect(JSON.parse(played.stdout)).toMatchObject({ ok: true });
  expect((await runProgram(["doctor", "--surplus"])).code).toBe(2);
});
