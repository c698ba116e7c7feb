// Archives that are large by their bytes, or by the number of their files, sent to an agent on its own: in how much memory
// they are unpacked, and what becomes of tool calls meanwhile.
import { link, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { tarGz } from "../agent/testing/archives.ts";
import { heldDuring, rssMib } from "../agent/testing/resident.ts";
import { picturePath } from "../agent/testing/subject.ts";
import { bigFile, FILE_MIB, zipOf } from "./big-file.ts";
import { median, type Result } from "./measure.ts";
import { watchMemory } from "./memory.ts";
import { BUILT, type Program, post, startProgram, toolsCall } from "./program.ts";
import { scratchFolder } from "./scratch.ts";
import { shell } from "./shell.ts";

/** A picture and a caption each. */
const PAIRS = 50_000;
const ASK_EVERY_MS = 50;

export async function benchArchives(): Promise<Result[]> {
  const folder = await scratchFolder();
  const big = await bigFile();
  await link(big.path, join(folder, "film.mp4"));
  await zipOf(big, "film.mp4", join(folder, "film.zip"));
  await shell("tar -cf film.tar film.mp4 && gzip -1 -c film.tar >film.tar.gz", folder);
  const agent = await startProgram([
    BUILT,
    ...["--data", await scratchFolder(), "--port", "0", "--trainer", "rehearsal"],
  ]);
  try {
    for (let n = 0; n < 500; n++) await ask(agent);
    await writeFile(join(folder, "small.tar.gz"), await pairs(1));
    await send(agent, folder, "small.tar.gz");
    const memory = await watchMemory({ agent });
    const results: Result[] = [];
    for (const name of ["film.zip", "film.tar", "film.tar.gz"]) {
      const what = `${FILE_MIB} MiB come as ${name}`;
      results.push((await memory.during(what, () => send(agent, folder, name)))[1]);
    }
    await writeFile(join(folder, "many.tar.gz"), await pairs(PAIRS));
    results.push(await many(agent, folder));
    return results;
  } finally {
    await agent.stop();
  }
}

async function pairs(count: number): Promise<Buffer> {
  const data = await readFile(picturePath("img1.jpg"));
  return tarGz(
    Array.from({ length: count }, (_none, n) => [
      { name: `${n}.jpg`, data },
      { name: `${n}.txt`, data: `number ${n}` },
    ]).flat(),
  );
}

const ask = ({ url }: Program) => toolsCall(url, "legacy", "list_configs");

/** @returns seconds until the data set is there */
async function send({ url }: Program, folder: string, archive: string): Promise<number> {
  const name = archive.replaceAll(".", "-");
  const answer = (await post(`${url}/mcp/execute`, { tool: "create_upload_link", arguments: { name } })) as {
    result: { content: { text: string }[] };
  };
  const made = JSON.parse(answer.result.content[0]?.text ?? "{}");
  return await shell(made.curl_resume.replace(`${name}.zip`, archive), folder);
}

async function many(agent: Program, folder: string): Promise<Result> {
  const times: number[] = [];
  const stop = new AbortController();
  const asking = (async () => {
    while (!stop.signal.aborted) {
      const began = performance.now();
      await ask(agent);
      times.push(performance.now() - began);
      await delay(ASK_EVERY_MS);
    }
  })();
  const before = await rssMib(agent.pid);
  const { result: seconds, peaksMib } = await heldDuring([agent.pid], () =>
    send(agent, folder, "many.tar.gz"),
  );
  stop.abort();
  await asking;
  return {
    what: `${2 * PAIRS} files in one tar.gz, from curl's first byte until the data set is there`,
    figure: `${seconds.toFixed(1)} s; +${((peaksMib[0] ?? 0) - before).toFixed(0)} MiB; tools/call meanwhile ${median(times).toFixed(1)} ms, at worst ${Math.max(...times).toFixed(0)} ms`,
    target: "told",
    ok: true,
  };
}
