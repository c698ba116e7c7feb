// Files of gigabytes through a router and its link, both ways: how fast against Node's own pipeline, in how much memory,
// and what becomes of tool calls meanwhile.
import { spawn } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { cutThrice, line } from "./cuts.ts";
import { median, type Result, ratio } from "./measure.ts";
import { type Program, post, startProgram, toolsCall } from "./program.ts";
import { scratchFolder } from "./scratch.ts";

const here = import.meta.dirname;
const main = resolve(here, "../agent/main.ts");
const TOKENS = {
  MCP_AI_TOOLKIT_TOKEN: "the-token-of-the-clients-of-this-bench",
  MCP_AI_TOOLKIT_AGENT_TOKEN: "the-token-of-the-agents-of-this-bench",
};
const headers = { authorization: `Bearer ${TOKENS.MCP_AI_TOOLKIT_TOKEN}` };

const MIB = 1024 * 1024;
const FILE_BYTES = Number(process.env["BENCH_MIB"] ?? 2_048) * MIB;
const ROUNDS = 3;
/** A line of 100 Mbit/s. */
const SLOW_LINE = "12500k";
const GROWTH_MIB_MAX = 48;
const SPEED_MIN = 0.65;

async function writeFile(path: string): Promise<string> {
  const block = Buffer.alloc(MIB);
  const hash = createHash("sha256");
  const file = await open(path, "w");
  for (let written = 0; written < FILE_BYTES; written += MIB) {
    randomFillSync(block, 0, 64 * 1024); // enough to make every block another one
    hash.update(block);
    await file.write(block);
  }
  await file.close();
  return hash.digest("hex");
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: MIB })) hash.update(chunk);
  return hash.digest("hex");
}

/** Seconds that curl takes. */
async function curl(...args: readonly string[]): Promise<number> {
  const began = performance.now();
  const child = spawn("curl", ["-gfsS", ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise((ended) => child.once("close", ended));
  if (code !== 0) throw new Error(`curl ended with ${code}`);
  return (performance.now() - began) / 1_000;
}

async function rssMib({ child }: Program): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}

/** What the processes grow by, at most, while `work` goes on. */
async function growth<T>(programs: readonly Program[], work: () => Promise<T>): Promise<[T, number[]]> {
  const before = await Promise.all(programs.map(rssMib));
  const most = [...before];
  const timer = setInterval(async () => {
    for (const [index, program] of programs.entries())
      most[index] = Math.max(most[index] ?? 0, await rssMib(program));
  }, 50);
  const result = await work();
  clearInterval(timer);
  return [result, most.map((mib, index) => mib - (before[index] ?? 0))];
}

const grown = (what: string, figures: readonly number[]): Result => ({
  what: `memory while ${what}, router and agent`,
  figure: figures.map((mib) => `+${mib.toFixed(1)} MiB`).join(", "),
  target: `≤ +${GROWTH_MIB_MAX} MiB`,
  ok: figures.every((mib) => mib <= GROWTH_MIB_MAX),
});

function speed(what: string, ours: number, floor: number): Result {
  const share = floor / ours;
  const rate = (seconds: number) => `${(FILE_BYTES / MIB / seconds).toFixed(0)} MiB/s`;
  return {
    what,
    figure: `${(share * 100).toFixed(0)} %: ${rate(ours)} against ${rate(floor)}`,
    target: `≥ ${SPEED_MIN * 100} %`,
    ok: share >= SPEED_MIN,
  };
}

export async function benchTransfers(): Promise<Result[]> {
  const data = await scratchFolder();
  const folder = join(data, "output", "big");
  await mkdir(folder, { recursive: true });
  const file = join(folder, "big.safetensors");
  const hash = await writeFile(file);
  const bare = await startProgram([resolve(here, "file-server.ts"), file]);
  const router = await startProgram([main, "router", "--data", await scratchFolder(), "--port", "0"], TOKENS);
  const agent = await startProgram(
    [main, "agent", "--data", data, "--trainer", "rehearsal", "--port", "0", "--router", router.url],
    TOKENS,
  );
  const call = async (tool: string, args: object): Promise<Record<string, unknown>> => {
    const answer = (await post(`${router.url}/mcp/execute`, { tool, arguments: args }, headers)) as {
      result?: { content: { text: string }[] };
    };
    return JSON.parse(answer.result?.content[0]?.text ?? "{}");
  };
  const toolCall = () => toolsCall(router.url, "legacy", "list_configs", headers);
  try {
    while (JSON.stringify(await toolCall()).includes("agent_offline"))
      await new Promise((next) => setTimeout(next, 50));
    const timed = async (count: number) => {
      const times: number[] = [];
      for (let n = 0; n < count; n++) {
        const began = performance.now();
        await toolCall();
        times.push(performance.now() - began);
      }
      return median(times);
    };
    await timed(300);
    const quiet = await timed(500);

    const { url } = await call("create_download_link", { kind: "model", name: "output/big/big" });
    const target = join(data, "copy");
    await curl("-o", target, String(url)); // warm, and compared
    const same = (await sha256Of(target)) === hash;
    const [floor, ours]: [number[], number[]] = [[], []];
    let most = [0, 0];
    for (let round = 0; round < ROUNDS; round++) {
      floor.push(await curl("-o", "/dev/null", bare.url));
      const [seconds, grew] = await growth([router, agent], () => curl("-o", "/dev/null", String(url)));
      ours.push(seconds);
      most = most.map((mib, index) => Math.max(mib, grew[index] ?? 0));
    }

    const slow = spawn("curl", ["-gfsS", "--limit-rate", SLOW_LINE, "-o", "/dev/null", String(url)], {
      stdio: "ignore",
    });
    const meanwhile = await timed(500);
    slow.kill();

    const upload = await call("create_upload_link", { name: "film" });
    const [upSeconds, upGrew] = await growth([router, agent], () =>
      curl("-T", file, `${upload["url"]}/film.mp4`),
    );
    const sameUp = (await sha256Of(join(data, "datasets", "film", "film.mp4"))) === hash;

    const lineToRouter = await line(router.url);
    const cutCopy = join(data, "cut-copy");
    const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size ?? 0;
    const [downBroke, cutDownGrew] = await growth([router, agent], () =>
      cutThrice({
        line: lineToRouter,
        bytes: FILE_BYTES,
        arrived: () => sizeOf(cutCopy),
        goOn: async () => ["-C", "-", "-o", cutCopy, lineToRouter.through(String(url))],
      }),
    );
    const sameCutDown = (await sha256Of(cutCopy)) === hash;
    await rm(cutCopy);
    const cutLink = String((await call("create_upload_link", { name: "cut" }))["url"]);
    const offset = async () =>
      Number((await fetch(cutLink, { method: "HEAD" })).headers.get("upload-offset"));
    const [upBroke, cutUpGrew] = await growth([router, agent], () =>
      cutThrice({
        line: lineToRouter,
        bytes: FILE_BYTES,
        arrived: async () => Number((await (await fetch(cutLink)).json())["received"]),
        goOn: async () => [
          "-C",
          `${await offset()}`,
          "-T",
          file,
          lineToRouter.through(`${cutLink}/film.mp4`),
        ],
      }),
    );
    lineToRouter.close();
    const sameCutUp = (await sha256Of(join(data, "datasets", "cut", "film.mp4"))) === hash;
    return [
      {
        what: `${FILE_BYTES / MIB} MiB down and up through router and link`,
        figure: `SHA-256 ${same ? "equal" : "DIFFERENT"} down, ${sameUp ? "equal" : "DIFFERENT"} up`,
        target: "equal",
        ok: same && sameUp,
      },
      speed(
        "download through router and link, against pipeline(file, response)",
        median(ours),
        median(floor),
      ),
      grown("it comes down", most),
      {
        what: "upload through router and link, until the data set is there",
        figure: `${(FILE_BYTES / MIB / upSeconds).toFixed(0)} MiB/s, written twice and synced`,
        target: "told",
        ok: true,
      },
      grown("it goes up", upGrew),
      {
        what: `${FILE_BYTES / MIB} MiB down and up, the client's line cut three times each way`,
        figure: `cut ${downBroke} and ${upBroke} times; SHA-256 ${sameCutDown ? "equal" : "DIFFERENT"} down, ${sameCutUp ? "equal" : "DIFFERENT"} up`,
        target: "3 and 3, equal",
        ok: downBroke === 3 && upBroke === 3 && sameCutDown && sameCutUp,
      },
      grown("it comes down, cut three times", cutDownGrew),
      grown("it goes up, cut three times", cutUpGrew),
      ratio("tools/call while a download goes at 100 Mbit/s, against quiet", meanwhile, quiet, 2),
    ];
  } finally {
    await Promise.all([bare.stop(), router.stop(), agent.stop()]);
  }
}
