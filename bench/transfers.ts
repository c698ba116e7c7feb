// Files of gigabytes through a router and its link, both ways, on Node and in workerd: whether they arrive as they left,
// also over a line that is cut; in how much memory; and how fast against Node's own pipeline.
import { link, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { pathsOf } from "../agent/paths.ts";
import { type BigFile, bigFile, FILE_MIB, MIB, modelOf, sha256Of, zipOf } from "./big-file.ts";
import { cutThrice, type Line, line } from "./cuts.ts";
import { median, type Result } from "./measure.ts";
import { type Watch, watchMemory } from "./memory.ts";
import { startProgram } from "./program.ts";
import { NODE, named, type Routed, type Runtime, startRouted, WORKERD } from "./routed.ts";
import { scratchFolder } from "./scratch.ts";
import { shell } from "./shell.ts";

const ROUNDS = 3;
const SPEED_MIN = 0.65;
/** What Workers take in one request, by the smallest of Cloudflare's plans, is 100 MB; we promise less. */
const PART_MIB_MAX = 64;
const NAME = "film";
const FILM = "film.mp4";

interface Course extends Routed {
  readonly big: BigFile;
  /** The same file from a server that does nothing else. */
  readonly floorUrl: string;
  /** Where the same file lies in a zip. */
  readonly zipFolder: string;
  readonly memory: Watch;
  /** The router takes bodies of any length. */
  readonly takesAll: boolean;
  /** Where clients reach the router. */
  readonly line: Line;
}

export async function benchTransfers(): Promise<Result[]> {
  const big = await bigFile();
  const zipFolder = await scratchFolder();
  await zipOf(big, FILM, join(zipFolder, `${NAME}.zip`));
  const bare = await startProgram([resolve(import.meta.dirname, "file-server.ts"), big.path]);
  try {
    const results: Result[] = [];
    for (const runtime of [NODE, WORKERD])
      results.push(...(await benchOn(runtime, { big, zipFolder, floorUrl: bare.url })));
    return results;
  } finally {
    await bare.stop();
  }
}

type Material = Pick<Course, "big" | "zipFolder" | "floorUrl">;

async function benchOn(runtime: Runtime, material: Material): Promise<Result[]> {
  const routed = await startRouted(runtime);
  const lineToRouter = await line(routed.router.url);
  try {
    await warmUp(routed);
    const memory = await watchMemory({ router: routed.router, agent: routed.agent });
    const takesAll = runtime === NODE;
    const course = { ...routed, ...material, memory, takesAll, line: lineToRouter };
    const results: Result[] = [];
    for (const part of [download, upload, cutDownload, cutUpload]) results.push(...(await part(course)));
    return named(runtime, results);
  } finally {
    lineToRouter.close();
    await routed.stop();
  }
}

/** Of everything a little, so that what is measured afterwards is bytes, not code that is loaded. */
async function warmUp({ data, call, toolCall }: Routed): Promise<void> {
  for (let n = 0; n < 500; n++) await toolCall();
  const small = await bigFile(1);
  const { url } = await call("create_download_link", await modelOf(data, "small", small));
  await shell(`curl -gfsS -o /dev/null '${url}'`);
  const up = await call("create_upload_link", { name: "small" });
  await shell(`curl -gfsS -T '${small.path}' '${up["url"]}/film.mp4'`);
}

const rate = (seconds: number) => `${(FILE_MIB / seconds).toFixed(0)} MiB/s`;

async function compared(what: string, { big }: Course, copy: string): Promise<Result> {
  const ok = (await sha256Of(copy)) === big.sha256;
  await rm(copy);
  return { what, figure: `SHA-256 ${ok ? "equal" : "DIFFERENT"}`, target: "equal", ok };
}

async function download(course: Course): Promise<Result[]> {
  const { data, floorUrl, memory, takesAll, call } = course;
  const { url } = await call("create_download_link", await modelOf(data, "big", course.big));
  const copy = join(data, "copy");
  const [floor, ours]: [number[], number[]] = [[], []];
  const [, grown] = await memory.during(`it comes down ${ROUNDS + 1} times`, async () => {
    await shell(`curl -gfsS -o '${copy}' '${url}'`);
    for (let round = 0; round < ROUNDS; round++) {
      floor.push(await shell(`curl -gfsS -o /dev/null '${floorUrl}'`));
      ours.push(await shell(`curl -gfsS -o /dev/null '${url}'`));
    }
  });
  const share = median(floor) / median(ours);
  return [
    await compared(`${FILE_MIB} MiB down through router and link`, course, copy),
    {
      what: "the speed of it, against pipeline(file, response) of Node",
      figure: `${(share * 100).toFixed(0)} %: ${rate(median(ours))} against ${rate(median(floor))}`,
      target: takesAll ? `≥ ${SPEED_MIN * 100} %` : "told",
      ok: !takesAll || share >= SPEED_MIN,
    },
    grown,
  ];
}

/** By the very line that the tool prints, where the archive lies. */
async function upload(course: Course): Promise<Result[]> {
  const { data, memory, takesAll, call, zipFolder } = course;
  const { url, curl, curl_resume } = await call("create_upload_link", { name: NAME });
  const line = takesAll ? curl : curl_resume;
  const [seconds, grown] = await memory.during("it goes up", async () => {
    const sent = await shell(String(line), zipFolder);
    return sent + (await untilUnpacked(String(url)));
  });
  return [
    await compared(
      `${FILE_MIB} MiB up in a zip by the printed line, ${takesAll ? "in one request" : "in parts"}`,
      course,
      join(data, "datasets", NAME, FILM),
    ),
    {
      what: "the speed of it, until the data set is there",
      figure: `${rate(seconds)}, written twice and synced`,
      target: "told",
      ok: true,
    },
    grown,
  ];
}

/** A client is not kept waiting for long unpacking. @returns seconds that were left of it */
async function untilUnpacked(url: string): Promise<number> {
  const began = performance.now();
  while ((await (await fetch(url)).json()).outcome === null) await delay(100);
  return (performance.now() - began) / 1_000;
}

const timesCut = (what: string, cuts: number): Result => ({
  what: `${what}, the client's line cut`,
  figure: `${cuts} times`,
  target: "3 times",
  ok: cuts === 3,
});

async function cutDownload(course: Course): Promise<Result[]> {
  const { line, memory, data, call } = course;
  const { url } = await call("create_download_link", { kind: "model", name: "output/big/big" }, line.url);
  const copy = join(data, "cut-copy");
  const [cuts, grown] = await memory.during("it comes down and is cut", () =>
    cutThrice({
      line,
      bytes: FILE_MIB * MIB,
      arrived: () => sizeOf(copy),
      command: async () => `curl -gfsS -C - -o '${copy}' '${url}'`,
    }),
  );
  return [timesCut("down", cuts), await compared("what came down although it was cut", course, copy), grown];
}

async function cutUpload(course: Course): Promise<Result[]> {
  const { line, memory, data, call, zipFolder } = course;
  const name = `${NAME}-cut`;
  const { link_id, curl_resume } = await call("create_upload_link", { name }, line.url);
  const archive = join(zipFolder, `${name}.zip`);
  await link(join(zipFolder, `${NAME}.zip`), archive);
  const [cuts, grown] = await memory.during("it goes up in parts and is cut", () =>
    cutThrice({
      line,
      bytes: FILE_MIB * MIB,
      arrived: () => sizeOf(join(pathsOf({ data }).staging, String(link_id), "body")),
      command: async () => `cd '${zipFolder}' && ${curl_resume}`,
      isPatient: true,
    }),
  );
  await rm(archive);
  const partMib = line.longestUpBytes() / MIB;
  return [
    timesCut("up", cuts),
    await compared("what went up although it was cut", course, join(data, "datasets", name, FILM)),
    {
      what: "the longest request of the printed line in parts",
      figure: `${partMib.toFixed(1)} MiB`,
      target: `≤ ${PART_MIB_MAX} MiB`,
      ok: partMib <= PART_MIB_MAX,
    },
    grown,
  ];
}

const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size ?? 0;
