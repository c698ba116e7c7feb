// What a safetensors file says about itself. Only its header is read: 8 bytes of length, little endian, then JSON that
// names each tensor's place in the data behind it (https://github.com/huggingface/safetensors#format).
import { type FileHandle, open } from "node:fs/promises";
import * as v from "valibot";

/** The format's own limit; the reference implementation refuses more. */
const HEADER_MAX_BYTES = 100_000_000;
const LENGTH_BYTES = 8;

const Offset = v.pipe(v.number(), v.integer(), v.minValue(0));
const Tensor = v.looseObject({ data_offsets: v.tuple([Offset, Offset]) });
const Shape = v.array(v.number());

const Metadata = v.record(v.string(), v.string());
export type Metadata = Readonly<v.InferOutput<typeof Metadata>>;

export type Header =
  | {
      readonly metadata: Metadata;
      /** Of a LoRA: how many rows its linear layers have in the middle. */
      readonly rank: number | null;
      readonly problem?: undefined;
    }
  /** One sentence on what is wrong with the file; loaders refuse it. */
  | { readonly metadata?: undefined; readonly problem: string };

/** @param fileBytes the file's size */
export async function readHeader(handle: FileHandle, fileBytes: number): Promise<Header> {
  if (fileBytes === 0) return { problem: "The file is empty" };
  const start = await readExactly(handle, 0, LENGTH_BYTES);
  if (!start) return { problem: "Not a safetensors file" };
  const headerBytes = start.readBigUInt64LE();
  if (headerBytes > HEADER_MAX_BYTES)
    return { problem: "Not a safetensors file: its header would be larger than 100 MB" };
  const dataStart = LENGTH_BYTES + Number(headerBytes);
  const text =
    dataStart <= fileBytes ? await readExactly(handle, LENGTH_BYTES, Number(headerBytes)) : undefined;
  if (!text) return { problem: cutOff(fileBytes, `its header alone ends at byte ${dataStart}`) };
  return parseHeader(text.toString("utf8"), dataStart, fileBytes);
}

/** The header of the file at `path`. @throws the file system's own error */
export async function readHeaderAt(path: string): Promise<Header> {
  const handle = await open(path);
  try {
    return await readHeader(handle, (await handle.stat()).size);
  } finally {
    await handle.close();
  }
}

function parseHeader(text: string, dataStart: number, fileBytes: number): Header {
  const header = parseObject(text);
  if (!header) return { problem: "Not a safetensors file: its header is not JSON" };
  let metadata: Metadata = {};
  let dataBytes = 0;
  let rank: number | null = null;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (v.is(Metadata, entry)) metadata = entry;
      continue;
    }
    if (!v.is(Tensor, entry)) return { problem: "Not a safetensors file: a tensor has no place in it" };
    dataBytes = Math.max(dataBytes, entry.data_offsets[1]);
    rank ??= rankOf(name, entry["shape"]);
  }
  const expected = dataStart + dataBytes;
  if (fileBytes < expected) return { problem: cutOff(fileBytes, `its header promises ${expected}`) };
  if (fileBytes > expected)
    return { problem: `The file has ${fileBytes} bytes, its header explains only ${expected}` };
  return { metadata, rank };
}

/** Larger convolutions may have a rank of their own; those of 1×1 are linear layers in another dress. */
function rankOf(name: string, shape: unknown): number | null {
  if (!/\b(lora_down|lora_A)\b.*\.weight$/.test(name) || !v.is(Shape, shape)) return null;
  const [rows, , height = 1, width = 1] = shape;
  return rows !== undefined && height === 1 && width === 1 ? rows : null;
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // the caller says so in a sentence
  }
}

function cutOff(fileBytes: number, promise: string): string {
  return `The file is cut off: it has ${fileBytes} bytes, ${promise}; it is still being saved, or its saving was interrupted`;
}

/** Bytes of an open file; undefined if it ends before. */
export async function readExactly(
  handle: FileHandle,
  position: number,
  bytes: number,
): Promise<Buffer | undefined> {
  const buffer = Buffer.alloc(bytes);
  for (let filled = 0; filled < bytes; ) {
    const { bytesRead } = await handle.read(buffer, filled, bytes - filled, position + filled);
    if (bytesRead === 0) return undefined;
    filled += bytesRead;
  }
  return buffer;
}
