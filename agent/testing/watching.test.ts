// Looking at a run while it goes on, and asking it for something: with a real MCP client, for that is who shows pictures.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Program, startProgram } from "./program.ts";
import { putRun, type RunBlocks, type Subject, subjectOf } from "./subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

let program: Program;
let subject: Subject;
let client: Client;

beforeAll(async () => {
  program = await startProgram({ args: ["--stop-grace", "1"] });
  subject = subjectOf(program);
  client = new Client({ name: "watcher", version: "1" }, { versionNegotiation: { mode: "auto" } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${program.url}/mcp`)));
});
afterAll(async () => {
  await client?.close();
  await program?.close();
});

const PATIENCE = { timeout: 20_000, interval: 25 };

async function run(config: string, blocks: RunBlocks): Promise<string> {
  await putRun(subject.paths, config, blocks);
  return String((await subject.call("start_training", { config_name: config }))["job_id"]);
}

const reaches = (job_id: string, wanted: object) =>
  vi.waitFor(async () => {
    const status = await subject.call("get_training_status", { job_id });
    expect(status).toMatchObject(wanted);
    return status;
  }, PATIENCE);

interface Answer {
  readonly isError?: boolean;
  readonly content: readonly { type: string; text?: string; data?: string; mimeType?: string }[];
  readonly structuredContent?: unknown;
}

const ask = async (name: string, args: object): Promise<Answer> =>
  (await client.callTool({ name, arguments: { ...args } })) as unknown as Answer;

const textOf = ({ content }: Answer) => JSON.parse(content[0]?.text ?? "{}") as Record<string, unknown>;
const imagesOf = ({ content }: Answer) =>
  content.filter(({ type }) => type === "image").map(({ data = "" }) => Buffer.from(data, "base64"));

const SAMPLED: RunBlocks = {
  train: { steps: 60, disable_sampling: false },
  sample: { sample_every: 20, prompts: ["a cat --seed 7", "a dog"], seed: 42, walk_seed: true },
};

test("the samples of a run are one small picture, with step, prompt and seed in the text", async () => {
  const job_id = await run("sampled", SAMPLED);
  await reaches(job_id, { status: "completed" });
  const answer = await ask("get_training_samples", { job_id });
  expect(answer.structuredContent).toBeUndefined(); // clients would drop the picture
  expect(textOf(answer)).toMatchObject({
    trainer: "rehearsal",
    rows: ["step 0", "step 20", "step 40", "step 60"],
    columns: [
      { prompt: 0, text: "a cat --seed 7", seed: 7 },
      { prompt: 1, text: "a dog", seed: 43 },
    ],
  });
  const [sheet, ...more] = imagesOf(answer);
  expect(more).toEqual([]);
  expect(sheet?.length).toBeLessThanOrEqual(300_000);
  expect(await sharp(sheet).metadata()).toMatchObject({
    format: "jpeg",
    width: 8 + 2 * 264,
    height: 8 + 4 * 264,
  });
});

test("one sample is shown alone, and one that is not there is named with those that are", async () => {
  const job_id = await run("single", SAMPLED);
  await reaches(job_id, { status: "completed" });
  const answer = await ask("get_training_samples", { job_id, step: 20, prompt: 1 });
  expect(textOf(answer)).toMatchObject({ rows: ["step 20"], columns: [{ text: "a dog" }] });
  expect(await sharp(imagesOf(answer)[0]).metadata()).toMatchObject({ width: 64, height: 64 });
  const missing = await ask("get_training_samples", { job_id, step: 33 });
  expect(missing.isError).toBe(true);
  expect(textOf(missing)).toMatchObject({
    code: "not_found",
    hint: expect.stringContaining("0, 20, 40, 60"),
  });
});

test("of videos the first frames are shown and of music nothing, and both are named", async () => {
  const job_id = await run("clips", {});
  const { started_at } = await reaches(job_id, { status: "completed" });
  const drawnMs = Date.parse(String(started_at)) + 1;
  const samples = join(subject.paths.output, "clips/samples");
  await mkdir(join(samples, ".thumbs"), { recursive: true });
  const put = async (ending: string, index: number) => {
    const name = `${drawnMs}__000000012_${index}.${ending}`;
    await writeFile(join(samples, name), "whatever is in there");
    return name;
  };
  const song = await put("mp3", 0);
  const answer = await ask("get_training_samples", { job_id });
  expect(answer.isError).toBeFalsy();
  expect(imagesOf(answer)).toEqual([]);
  expect(textOf(answer)).toMatchObject({
    note: expect.stringContaining(samples),
    files: [{ step: 12, prompt: 0, name: song }],
  });

  const clip = await put("mp4", 1);
  const frame = sharp({ create: { width: 300, height: 300, channels: 3, background: "#e69f00" } });
  await frame.toFile(join(samples, ".thumbs", `${clip}.jpg`));
  const both = await ask("get_training_samples", { job_id });
  expect(textOf(both)).toMatchObject({ rows: ["step 12"], columns: [{ prompt: 1 }] });
  expect(await sharp(imagesOf(both)[0]).metadata()).toMatchObject({ width: 300, height: 300 });
  expect(await subject.call("get_training_status", { job_id })).toMatchObject({
    samples: 2,
    last_samples: { step: 12, names: [song, clip] },
  });
});

test("curves come as points that keep the lowest loss, with a picture when asked for", async () => {
  const job_id = await run("curves", { train: { steps: 120 }, rehearsal: { step_ms: 5 } });
  await reaches(job_id, { status: "completed" });
  const answer = await ask("get_training_metrics", { job_id, points: 20, plot: true });
  const { series } = textOf(answer) as {
    series: { key: string; logged: number; min: number[]; points: number[][] }[];
  };
  expect(series.map(({ key, logged }) => [key, logged])).toEqual([
    ["learning_rate", 119],
    ["loss/loss", 119],
  ]);
  const loss = series[1];
  expect(loss?.points.length).toBeLessThanOrEqual(20);
  expect(loss?.points).toContainEqual(loss?.min);
  expect(await sharp(imagesOf(answer)[0]).metadata()).toMatchObject({ format: "png" });
  const later = textOf(await ask("get_training_metrics", { job_id, keys: ["loss/loss"], since_step: 110 }));
  expect((later["series"] as { points: number[][] }[])[0]?.points.map(([step]) => step)).toEqual(
    Array.from({ length: 10 }, (_, n) => 110 + n),
  );
});

test("a loss that is no number is named", async () => {
  const job_id = await run("nan", { train: { steps: 40 }, rehearsal: { fault: "nan@20" } });
  await reaches(job_id, { phase: "ended" });
  const { series } = textOf(await ask("get_training_metrics", { job_id, keys: ["loss/loss"] })) as {
    series: { not_a_number_at?: number[] }[];
  };
  expect(series[0]?.not_a_number_at?.length).toBeGreaterThan(10);
});

test("a checkpoint and samples are had now, while the run goes on", async () => {
  const job_id = await run("now", {
    train: { steps: 1_000_000, disable_sampling: false, skip_first_sample: true },
    rehearsal: { step_ms: 5 },
  });
  await reaches(job_id, { phase: "training", step: expect.any(Number) });
  const saved = await subject.call("save_checkpoint_now", { job_id });
  expect(saved).toMatchObject({ state: "saved", checkpoint: { step: expect.any(Number) } });
  const { name } = saved["checkpoint"] as { name: string };
  expect(await readdir(join(subject.paths.output, "now"))).toContain(name);
  expect(await subject.call("sample_now", { job_id })).toMatchObject({ state: "sampled", samples: 1 });
  await subject.call("stop_training", { job_id });
  const late = await subject.execute("save_checkpoint_now", { job_id });
  expect(late).toMatchObject({ success: false, code: "conflict" });
});

test("waiting tells of the progress, and ends with the run", async () => {
  const job_id = await run("waited", { train: { steps: 120 }, rehearsal: { step_ms: 25 } });
  const told: string[] = [];
  const answer = await client.callTool(
    { name: "wait_for_training", arguments: { job_id, seconds: 45 } },
    { onprogress: ({ message = "" }) => told.push(message) },
  );
  expect(answer.structuredContent).toMatchObject({ ended: true, status: "completed", progress: 100 });
  expect(told.some((message) => /^step \d+\/120, loss \d\.\d{3}$/.test(message))).toBe(true);
});

test("a wait that is shorter than the run answers with where it is", async () => {
  const job_id = await run("long", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  expect(await subject.call("wait_for_training", { job_id, seconds: 1 })).toMatchObject({
    ended: false,
    status: "running",
  });
  await subject.call("stop_training", { job_id });
});

test.each([
  "get_training_metrics",
  "get_training_samples",
  "save_checkpoint_now",
  "sample_now",
  "wait_for_training",
])("%s of a job that does not exist says so", async (tool) => {
  expect(await subject.execute(tool, { job_id: "nobody" })).toMatchObject({
    status: 404,
    success: false,
    code: "not_found",
    error: "Job not found",
  });
});
