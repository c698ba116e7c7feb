import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { identify, type ProcessIdentity } from "../tools/training/process.ts";
import { cleanStaging } from "./clean-staging.ts";
import { EMPTY, Staging } from "./staging.ts";

let root: string;
let paths: { readonly datasets: string; readonly staging: string };
let self: ProcessIdentity;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "aitk-clean-"));
  paths = { datasets: join(root, "datasets"), staging: join(root, "staging") };
  await mkdir(paths.datasets);
  await mkdir(paths.staging);
  self = await identify(process.pid);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function upload(id: string, by: ProcessIdentity, name?: string): Promise<Staging> {
  const made = new Staging(paths.staging, id, by);
  await made.begin(EMPTY);
  await writeFile(made.body, "some");
  if (name === undefined) return made;
  await mkdir(join(paths.datasets, name));
  await made.setInfo({ ...EMPTY, tree: { name, earlier: [] } });
  return made;
}

test("when a link ends, what comes by it and what is unpacked goes on; the rest is forgotten", async () => {
  const gone = { pid: self.pid, startTicks: 1, bootId: null };
  await upload("coming", self);
  await upload("unpacked", self, ".partial-now");
  await upload("left", gone);
  await upload("left-half-unpacked", gone, ".partial-then");
  const { body } = await upload("silent", self);
  const old = new Date(Date.now() - 2 * 60 * 60 * 1000);
  await utimes(body, old, old);
  const cleaned = await cleanStaging(paths, self, () => false, expect.fail);
  expect(cleaned).toEqual({ forgotten: 3, trees: new Set([".partial-now"]) });
  expect((await readdir(paths.staging)).sort()).toEqual(["coming", "unpacked"]);
  expect(await readdir(paths.datasets)).toEqual([".partial-now"]);
});
