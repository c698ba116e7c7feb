import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readFacts } from "./model-facts.ts";
import { readHeader } from "./safetensors.ts";

/** Written by ai-toolkit 0.12.26 in a real run, see ai-toolkit.md §5. */
const REAL = join(import.meta.dirname, "fixtures/tiny_run_v1_000000005.safetensors");

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "safetensors-"));
  path = join(folder, "model.safetensors");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function withFile<T>(
  file: string,
  work: (handle: Awaited<ReturnType<typeof open>>, bytes: number) => Promise<T>,
) {
  const handle = await open(file);
  try {
    return await work(handle, (await handle.stat()).size);
  } finally {
    await handle.close();
  }
}

const header = (file = path) => withFile(file, readHeader);
const facts = (name = "model.safetensors") =>
  withFile(path, (handle, bytes) => readFacts(handle, name, bytes));

/** A file with this header and this many bytes of data. */
function encode(json: unknown, dataBytes = 0): Buffer {
  const text = Buffer.from(typeof json === "string" ? json : JSON.stringify(json));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

const tensor = (end: number) => ({ dtype: "F16", shape: [end / 2], data_offsets: [0, end] });

describe("a real file", () => {
  test("tells its step, base model and trigger word", async () => {
    await writeFile(path, await readFile(REAL));
    expect(await facts()).toEqual({
      step: 5,
      baseModel: "sd_1.5",
      triggerWord: "p3rs0n",
      rank: 4,
      rehearsal: false,
      problem: null,
    });
  });

  test("that is cut off anywhere is told from a whole one", async () => {
    const whole = await readFile(REAL);
    await writeFile(path, whole);
    for (const bytes of [whole.length - 1, 30_000, 20_200, 5_000, 8]) {
      await truncate(path, bytes);
      expect((await header()).problem).toContain(`The file is cut off: it has ${bytes} bytes`);
    }
    await truncate(path, 5);
    expect((await header()).problem).toBe("Not a safetensors file");
    await truncate(path, 0);
    expect((await header()).problem).toBe("The file is empty");
  });

  test("with something behind its data is not whole either", async () => {
    await writeFile(path, Buffer.concat([await readFile(REAL), Buffer.alloc(1)]));
    expect((await header()).problem).toBe("The file has 63305 bytes, its header explains only 63304");
  });
});

test.each([
  ["a.lora_A.weight", [16, 3072], 16],
  ["a.lora_A.default.weight", [16, 3072], 16],
  ["a.lora_down.weight", [8, 320, 1, 1], 8],
  ["a.lora_down.weight", [8, 320, 3, 3], null],
  ["a.lora_B.weight", [3072, 16], null],
  ["a.weight", [16, 16], null],
  ["a.lora_A.weight", "16", null],
])("the rank is read from the layers' shapes: %s %j", async (name, shape, rank) => {
  await writeFile(path, encode({ [name]: { dtype: "F16", shape, data_offsets: [0, 0] } }));
  expect(await header()).toMatchObject({ rank });
});

describe("headers that are none", () => {
  test.each([
    ["text", "hello, this is a text file and no model", "larger than 100 MB"],
    ["no JSON", encode("{not json"), "its header is not JSON"],
    ["a list", encode("[]"), "its header is not JSON"],
    ["a tensor without a place", encode({ a: { dtype: "F16" } }), "a tensor has no place"],
    ["a tensor at a negative place", encode({ a: { data_offsets: [0, -1] } }), "a tensor has no place"],
  ])("%s", async (_what, content, problem) => {
    await writeFile(path, content);
    expect((await header()).problem).toContain(problem);
  });

  test("one that claims to be huge is not read", async () => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(100_000_001n);
    await writeFile(path, length);
    await truncate(path, 300_000_000);
    expect((await header()).problem).toContain("larger than 100 MB");
    length.writeBigUInt64LE(0xffff_ffff_ffff_ffffn);
    await writeFile(path, length);
    expect((await header()).problem).toContain("larger than 100 MB");
  });
});

describe("what the header says", () => {
  test.each([
    ["the step of training_info before the one in the name", { training_info: '{"step": 7}' }, { step: 7 }],
    ["the name's step when training_info is broken", { training_info: "{step" }, { step: 250 }],
    [
      "the standard's keys when there are no others",
      { "modelspec.architecture": "flux-1-dev/lora", "modelspec.trigger_phrase": "zwx" },
      { baseModel: "flux-1-dev/lora", triggerWord: "zwx" },
    ],
    [
      "the meta block's trigger word first",
      { trigger_word: "mine", ss_tag_frequency: '{"1_x": {"x": 1}}' },
      { triggerWord: "mine" },
    ],
    [
      "no trigger word from another trainer's list of tags",
      { ss_tag_frequency: '{"10_cat": {"cat": 9, "dog": 2}}' },
      { triggerWord: null },
    ],
    [
      "no trigger word from several folders",
      { ss_tag_frequency: '{"1_a": {"a": 1}, "1_b": {"b": 1}}' },
      { triggerWord: null },
    ],
    ["a rehearsal", { rehearsal: "true" }, { rehearsal: true }],
    ["nothing at all", {}, { baseModel: null, triggerWord: null, rehearsal: false, problem: null }],
  ])("%s", async (_what, metadata, expected) => {
    await writeFile(path, encode({ __metadata__: metadata, a: tensor(4) }, 4));
    expect(await facts("run_000000250.safetensors")).toMatchObject(expected);
  });

  test("a hostile header changes nothing but itself", async () => {
    await writeFile(
      path,
      encode('{"__metadata__": {"__proto__": "x"}, "__proto__": {"data_offsets": [0, 4]}}', 4),
    );
    expect(await facts()).toEqual({
      step: null,
      baseModel: null,
      triggerWord: null,
      rank: null,
      rehearsal: false,
      problem: null,
    });
    expect("data_offsets" in {}).toBe(false);
  });
});

test.each([
  ["run_000000250.safetensors", 250],
  ["run_000000250.ckpt", 250],
  ["run_000001000_high_noise.safetensors", 1000],
  ["run_250.safetensors", null],
  ["run.safetensors", null],
])("the step in the name %s is %s", async (name, step) => {
  await writeFile(path, encode({ a: tensor(4) }, 4));
  expect((await facts(name)).step).toBe(step);
});

test("a .ckpt has no header; empty it is broken all the same", async () => {
  await writeFile(path, "anything");
  expect((await facts("a.ckpt")).problem).toBeNull();
  await truncate(path, 0);
  expect((await facts("a.ckpt")).problem).toBe("The file is empty");
});
