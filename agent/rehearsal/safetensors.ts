// The safetensors container: 8 bytes of header length, a JSON header padded with blanks, the data.
// https://github.com/huggingface/safetensors#format
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from "node:fs";
import { PythonError } from "./python.ts";

export type Dtype = "F32" | "F16" | "BF16" | "F8_E4M3";

export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export type Metadata = Readonly<Record<string, string>>;

const FORMATS = {
  F32: { exponentBits: 8, mantissaBits: 23 },
  F16: { exponentBits: 5, mantissaBits: 10 },
  BF16: { exponentBits: 8, mantissaBits: 7 },
  F8_E4M3: { exponentBits: 4, mantissaBits: 3 },
} as const;

export const bytesPerElement = (dtype: Dtype) =>
  (FORMATS[dtype].exponentBits + FORMATS[dtype].mantissaBits + 1) / 8;

/** Cuts excess digits off; what is too small becomes 0, what is too large the largest. */
export function encodeFloats(values: Iterable<number>, count: number, dtype: Dtype): Uint8Array {
  const { exponentBits, mantissaBits } = FORMATS[dtype];
  const size = bytesPerElement(dtype);
  const bytes = Buffer.alloc(count * size);
  const single = new DataView(new ArrayBuffer(4));
  const largest = 2 ** (exponentBits + mantissaBits) - 2 ** mantissaBits - 1;
  let index = 0;
  for (const value of values) {
    single.setFloat32(0, value);
    const bits = single.getUint32(0);
    const exponent = ((bits >>> 23) & 0xff) - 127 + (2 ** (exponentBits - 1) - 1);
    const mantissa = (bits & 0x7fffff) >>> (23 - mantissaBits);
    const magnitude = exponent <= 0 ? 0 : Math.min(exponent * 2 ** mantissaBits + mantissa, largest);
    bytes.writeUIntLE((bits >>> 31) * 2 ** (size * 8 - 1) + magnitude, index * size, size);
    index += 1;
  }
  return bytes;
}

/** The whole file but for its data, with the two hashes kohya's tools look for added to the metadata. */
function headerOf(metadata: Metadata, tensors: readonly Tensor[]): Buffer {
  const sha256 = createHash("sha256");
  const entries: Record<string, unknown> = {};
  let offset = 0;
  for (const { name, dtype, shape, data } of tensors) {
    sha256.update(data);
    entries[name] = {
      dtype,
      shape,
      data_offsets: [offset, offset + data.length],
    };
    offset += data.length;
  }
  const hashes = {
    sshs_model_hash: sha256.digest("hex"),
    // The old way hashes 64 KiB from 1 MiB on: of a small file, nothing.
    sshs_legacy_hash: createHash("sha256").digest("hex").slice(0, 8),
  };
  const json = Buffer.from(JSON.stringify({ __metadata__: { ...metadata, ...hashes }, ...entries }));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, " ");
  json.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded]);
}

/**
 * Writes straight to `path`, like the original: whoever is killed at `halfway` leaves a file shorter than its header says.
 */
export async function writeSafetensors(
  path: string,
  metadata: Metadata,
  tensors: readonly Tensor[],
  halfway: () => Promise<void>,
): Promise<void> {
  const fd = openSync(path, "w");
  try {
    writeFileSync(fd, headerOf(metadata, tensors));
    const middle = Math.ceil(tensors.length / 2);
    for (const { data } of tensors.slice(0, middle)) writeFileSync(fd, data);
    await halfway();
    for (const { data } of tensors.slice(middle)) writeFileSync(fd, data);
  } finally {
    closeSync(fd);
  }
}

export interface SafetensorsFile {
  readonly metadata: Metadata;
  /** The data is as long as the header says. */
  readonly complete: boolean;
}

const LONGEST_HEADER = 100_000_000; // the format's own limit

/** @throws PythonError when there is no readable header */
export function readSafetensors(path: string): SafetensorsFile {
  const unreadable = () =>
    new PythonError(
      "safetensors_rust.SafetensorError",
      `Error while deserializing header: invalid header in ${path}`,
    );
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    const start = Buffer.alloc(8);
    readSync(fd, start, 0, 8, 0);
    const headerLength = Number(start.readBigUInt64LE());
    if (headerLength === 0 || headerLength > Math.min(LONGEST_HEADER, size - 8)) throw unreadable();
    const header = Buffer.alloc(headerLength);
    readSync(fd, header, 0, headerLength, 8);
    return { ...parseHeader(header.toString("utf8"), size - 8 - headerLength) };
  } catch (error) {
    throw error instanceof SyntaxError || error instanceof TypeError ? unreadable() : error;
  } finally {
    closeSync(fd);
  }
}

function parseHeader(json: string, dataLength: number): SafetensorsFile {
  // A cast at a door: a header of any other shape ends as TypeError or as values nobody finds.
  const { __metadata__: metadata = {}, ...tensors } = JSON.parse(json) as Record<string, Metadata> & {
    __metadata__?: Metadata;
  };
  const ends = Object.values(tensors).map((entry) => Number(entry.data_offsets?.[1]));
  return { metadata, complete: Math.max(0, ...ends) === dataLength };
}
