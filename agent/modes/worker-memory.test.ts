// What bytes on their way through the Worker leave behind in workerd's memory. An object has 128 MB on Cloudflare, where the
// garbage collector does not count what lies outside its heap until there are hundreds of megabytes of it.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { childOf } from "../testing/child-of.ts";
import { putModel, randomBytes, sha256 } from "../testing/downloads.suite.ts";
import { heldDuring, rssMib } from "../testing/resident.ts";
import { type Subject, subjectOf } from "../testing/subject.ts";
import { startWorkerRouted, type WorkerRouted } from "../testing/worker.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 1024 * 1024;
const FILE_MIB = 64;
const ROUNDS = 4;
/** As the bench of transfers has it. */
const GROWTH_MIB_MAX = 48;

let routed: WorkerRouted;
let subject: Subject;
let workerd: number;
beforeAll(async () => {
  routed = await startWorkerRouted();
  subject = subjectOf(routed);
  workerd = await childOf(process.pid, "workerd");
});
afterAll(() => routed.close());

/** How far what is held goes beyond what was held before. */
async function growthMib(work: () => Promise<void>): Promise<number> {
  const before = await rssMib(workerd);
  const { peaksMib } = await heldDuring([workerd], work);
  return (peaksMib[0] ?? Number.NaN) - before;
}

test("what is uploaded through the Worker does not stay in its memory", async () => {
  const file = new Uint8Array(randomBytes(FILE_MIB * MIB));
  const growth = await growthMib(async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { url, dataset } = await subject.call("create_upload_link", { name: `film-${round}` });
      expect((await fetch(`${url}/film.mp4`, { method: "PUT", body: file })).status).toBe(200);
      const arrived = await readFile(join(subject.paths.datasets, String(dataset), "film.mp4"));
      expect(sha256(arrived)).toBe(sha256(file));
    }
  });
  expect(growth).toBeLessThan(GROWTH_MIB_MAX);
});

test("what is downloaded through the Worker does not stay in its memory", async () => {
  const file = randomBytes(FILE_MIB * MIB);
  await putModel(subject, "big", file);
  const { url } = await subject.call("create_download_link", { kind: "model", name: "big" });
  const growth = await growthMib(async () => {
    for (let round = 0; round < ROUNDS; round++)
      expect(sha256(new Uint8Array(await (await fetch(String(url))).arrayBuffer()))).toBe(sha256(file));
  });
  expect(growth).toBeLessThan(GROWTH_MIB_MAX);
});

test("what clients did not wait for does not stay in the Worker's memory", async () => {
  await putModel(subject, "left", randomBytes(FILE_MIB * MIB));
  const { url } = await subject.call("create_download_link", { kind: "model", name: "left" });
  const growth = await growthMib(async () => {
    for (let client = 0; client < 24; client++) {
      const { body } = await fetch(String(url));
      const reader = body?.getReader();
      await reader?.read();
      await reader?.cancel();
    }
  });
  expect(growth).toBeLessThan(GROWTH_MIB_MAX);
});
