// The installed service: real processes from a scratch root, started, upgraded and ended as systemd would do it.
import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { freePort } from "../testing/free-port.ts";
import { breakPackage, makePackage, makeVersion } from "../testing/package.ts";
import { clear } from "../testing/program.ts";
import { serviceManager, type TestServiceManager } from "../testing/service-manager.ts";
import { putRun, type Subject, subjectOf } from "../testing/subject.ts";
import { identify, isAlive } from "../tools/training/process.ts";
import { install } from "./install.ts";
import { layoutIn } from "./layout.ts";
import { uninstall } from "./uninstall.ts";
import { upgrade } from "./upgrade.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const PATIENCE = { timeout: 60_000, interval: 50 };

let base: string;
let root: string;
let manager: TestServiceManager;
let server: Subject;
let url: string;
const printed: string[] = [];
const print = (line: string) => void printed.push(line);

const from = (name: string) => ({
  source: { root: join(base, name), node: process.execPath },
  manager,
  dryRun: false,
  print,
  healthyMs: 60_000,
});
const versionNow = async () => ((await (await fetch(`${url}/health`)).json()) as { version: string }).version;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "installed-"));
  await chmod(base, 0o755); // the service's account goes through it
  root = join(base, "root");
  await makePackage(join(base, "one"));
  await makeVersion(join(base, "one"), join(base, "two"), "7.0.0");
  await makeVersion(join(base, "one"), join(base, "broken"), "8.0.0");
  await breakPackage(join(base, "broken"));
  manager = serviceManager(root);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  server = subjectOf({ url, token: undefined, data: join(root, "ai-toolkit") });
  await install({ root, data: "/ai-toolkit", port: String(port), trainer: "rehearsal" }, from("one"));
});
afterAll(async () => {
  await manager.stop();
  await clear(join(root, "ai-toolkit"));
  await rm(base, { recursive: true, force: true });
});

test("a training outlives restart, crash, upgrade, a bad upgrade and the end of the service", async () => {
  const { call, paths } = server;
  await putRun(paths, "goes_on", { train: { steps: 10_000_000 }, rehearsal: { step_ms: 5 } });
  const { job_id, pid } = await call("start_training", { config_name: "goes_on" });
  const run = await identify(Number(pid));
  const isTraining = () =>
    vi.waitFor(async () => {
      expect(await call("get_training_status", { job_id })).toMatchObject({ phase: "training", pid });
      expect(await isAlive(run)).toBe(true);
    }, PATIENCE);
  const first = await versionNow();
  const layout = layoutIn(root);
  const [oldest = ""] = await readdir(layout.versions);
  await isTraining();

  await manager.restart();
  await isTraining();
  await manager.crash();
  await isTraining();

  await upgrade(root, from("two"));
  expect(await versionNow()).toBe("7.0.0");
  expect(first).not.toBe("7.0.0");
  expect(await readlink(layout.previous)).toBe(`versions/${oldest}`);
  await isTraining();

  const newest = await readlink(layout.current);
  const unit = await readFile(layout.unit, "utf8");
  const failed = upgrade(root, { ...from("broken"), healthyMs: 3_000 });
  await expect(failed).rejects.toThrow(/8\.0\.0-\w+ did not come up and 7\.0\.0-\w+ runs again/);
  await vi.waitFor(async () => expect(await versionNow()).toBe("7.0.0"), PATIENCE);
  expect(await readlink(layout.current)).toBe(newest);
  expect(await readFile(layout.unit, "utf8")).toBe(unit);
  await isTraining();

  const { data } = await uninstall({ root, manager, purge: false, dryRun: false, print });
  expect(data).toBe("/ai-toolkit");
  expect(await manager.isActive()).toBe(false);
  expect(await isAlive(run)).toBe(true);
  for (const gone of [layout.unit, layout.enabled, layout.command, layout.current, layout.versions])
    await expect(stat(gone), gone).rejects.toThrow("ENOENT");
  expect((await stat(paths.db)).isFile()).toBe(true);
  expect((await stat(layout.settings)).isFile()).toBe(true);
});
