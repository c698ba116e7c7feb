// The body of a request that is sent on, piece by piece, on either runtime.
import { free, oneUse } from "../shared/one-use.ts";
import { TRANSFER } from "../shared/protocol.ts";

export interface Chunks {
  /** Undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

/** The reader of Workers, which can be asked for no less than so many bytes. */
interface AtLeastReader {
  readAtLeast(
    bytes: number,
    view: Uint8Array,
  ): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** In large pieces, where the runtime can be asked for them (Workers): by itself it hands out crumbs. */
export function chunks(body: ReadableStream<Uint8Array>): Chunks {
  const large = largeReader(body);
  if (large) {
    return {
      async read() {
        const { value } = await large.readAtLeast(TRANSFER.chunkBytes, new Uint8Array(TRANSFER.chunkBytes));
        return value && ownOf(value);
      },
      cancel: () => large.cancel(),
    };
  }
  const reader = body.getReader();
  return {
    read: async () => (await reader.read()).value,
    cancel: () => reader.cancel(),
  };
}

/** Fewer bytes than were asked for are the last: they leave the large buffer, which is given back. */
function ownOf(value: Uint8Array): Uint8Array | undefined {
  if (value.byteLength === value.buffer.byteLength) return value;
  const rest = value.slice();
  free(oneUse(new Uint8Array(value.buffer)));
  return rest.length > 0 ? rest : undefined;
}

function largeReader(body: ReadableStream<Uint8Array>): AtLeastReader | undefined {
  if (!("FixedLengthStream" in globalThis)) return undefined;
  return body.getReader({ mode: "byob" }) as unknown as AtLeastReader; // of Workers, see above
}
