// What becomes of tool calls while files go over the line of a home: that of the agent to its router, which all its
// connections share.
import { performance } from "node:perf_hooks";
import { bigFile, FILE_MIB, MIB, modelOf } from "./big-file.ts";
import { median, type Result, ratio } from "./measure.ts";
import { NODE, named, type Routed, type Runtime, startRouted, WORKERD } from "./routed.ts";
import { shell } from "./shell.ts";
import { type Direction, LINE, type SlowLine, slowLine } from "./slow-line.ts";

/** Ten seconds of it. */
const SLOW_FILE_MIB = Math.min(FILE_MIB, 128);
const QUIET_CALLS = 100;
const TIMES_MAX = 2;
/** Of the line; the rest is frames, credit and the calls. */
const SHARE_MIN = 0.9;

export async function benchSlowLine(): Promise<Result[]> {
  const results: Result[] = [];
  for (const runtime of [NODE, WORKERD]) results.push(...named(runtime, await benchOn(runtime)));
  return results;
}

async function benchOn(runtime: Runtime): Promise<Result[]> {
  let line: SlowLine | undefined;
  const routed = await startRouted(runtime, async (url) => {
    line = await slowLine(url);
    return line.url;
  });
  try {
    return line ? await measure(routed, line) : [];
  } finally {
    line?.close();
    await routed.stop();
  }
}

async function measure({ data, call, toolCall }: Routed, { up, down }: SlowLine): Promise<Result[]> {
  const file = await bigFile(SLOW_FILE_MIB);
  const { url } = await call("create_download_link", await modelOf(data, "big", file));
  const upload = await call("create_upload_link", { name: "film" });
  const timed = async () => {
    const began = performance.now();
    await toolCall();
    return performance.now() - began;
  };
  const quietTimes: number[] = [];
  for (let n = 0; n < QUIET_CALLS; n++) quietTimes.push(await timed());
  const quiet = median(quietTimes);

  const during = async (what: string, direction: Direction, command: string): Promise<Result[]> => {
    const [began, before] = [performance.now(), direction.carriedBytes];
    const times: number[] = [];
    let isRunning = true;
    const transfer = shell(command).finally(() => {
      isRunning = false;
    });
    while (isRunning && direction.carriedBytes - before < SLOW_FILE_MIB * MIB) times.push(await timed());
    const seconds = (direction.lastMs - began) / 1_000;
    await transfer;
    const mbit = (SLOW_FILE_MIB * MIB * 8) / 1_000_000 / seconds;
    return [
      ratio(`tools/call while ${what}, against quiet`, median(times), quiet, TIMES_MAX),
      {
        what: `the rate at which ${what}`,
        figure: `${mbit.toFixed(1)} Mbit/s`,
        target: `≥ ${SHARE_MIN * 100} % of ${LINE.mbitPerSecond}`,
        ok: mbit >= SHARE_MIN * LINE.mbitPerSecond,
      },
    ];
  };
  // Without "Expect:" curl waits for nothing before it begins: the line is what is measured.
  const over = `over ${LINE.mbitPerSecond} Mbit/s and ${2 * LINE.delayMs} ms there and back`;
  return [
    ...(await during(`a file comes down ${over}`, up, `curl -gfsS -o /dev/null '${url}'`)),
    ...(await during(
      `a file goes up ${over}`,
      down,
      `curl -gfsS -H Expect: -T '${file.path}' '${upload["url"]}/film.mp4'`,
    )),
  ];
}
