// The bytes of an upload that are here so far: `body` in a folder named after the link. They outlive every process, so an
// upload goes on where it stopped whatever went down.
import { createHash } from "node:crypto";
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { invalid, ToolError } from "../../shared/errors.ts";
import { free } from "../../shared/one-use.ts";
import { isMissing } from "../files/sandbox.ts";
import { sha256Of } from "../tools/models/verified-copy.ts";
import { isAlive, type ProcessIdentity } from "../tools/training/process.ts";
import { arriving } from "./arriving.ts";
import { checkRoom, RoomWatch } from "./room.ts";

const Partial = v.pipe(v.string(), v.regex(/^\.partial-[\w-]+$/));
const Outcome = v.record(v.string(), v.unknown());

const Begun = v.object({
  /** The hidden folder that it is being unpacked to. */
  name: Partial,
  /** Files that lie there are being added to a data set, one after the other. */
  adds: v.optional(v.boolean()),
  /** Hidden folders of tries before, from which files were being added. */
  earlier: v.optional(v.array(Partial), []),
  /** Trash id of what a try before had set aside. */
  replaced: v.optional(v.string()),
  /** How often somebody began to. */
  tries: v.optional(v.number()),
  /** From which files: `body`, or those of a form. */
  files: v.optional(v.array(v.object({ file: v.pipe(v.string(), v.regex(/^[\w-]+$/)), name: v.string() }))),
  /** What is about to get the data set's name (files/identity.ts), and what is told when it has. */
  made: v.optional(v.object({ identity: v.string(), outcome: Outcome })),
});
export type Begun = v.InferOutput<typeof Begun>;

const Info = v.object({
  /** Of the whole; null while the client has not said. */
  length: v.nullable(v.number()),
  name: v.string(),
  /** Hex, if the client wants it checked. */
  sha256: v.nullable(v.string()),
  /** Where a part began that is to be kept only if its checksum fits, while that is not known. */
  checkedTo: v.optional(v.nullable(v.number()), null),
  /** What became of it, once it was whole. */
  outcome: v.nullable(Outcome),
  /** Who takes it in, or unpacks it: what another process left undone is only touched when that is gone. */
  by: v.optional(
    v.nullable(
      v.object({ pid: v.number(), startTicks: v.nullable(v.number()), bootId: v.nullable(v.string()) }),
    ),
    null,
  ),
  /** That it is being unpacked. */
  tree: v.nullable(Begun),
});
type Noted = v.InferOutput<typeof Info>;
export type Info = Omit<Noted, "by">;
export const EMPTY: Info = {
  length: null,
  name: "",
  sha256: null,
  checkedTo: null,
  outcome: null,
  tree: null,
};

export const CHECKSUMS = ["sha256", "sha1"] as const;
export interface Checksum {
  readonly algorithm: (typeof CHECKSUMS)[number];
  readonly base64: string;
}

/** tus: the part was damaged on its way. */
export class ChecksumMismatch extends Error {}

const NOTE = "info.json";

export class Staging {
  readonly folder: string;
  readonly body: string;
  readonly #self: ProcessIdentity;

  constructor(root: string, linkId: string, self: ProcessIdentity) {
    this.folder = join(root, linkId);
    this.body = join(this.folder, "body");
    this.#self = self;
  }

  async info(): Promise<Noted> {
    const text = await readFile(join(this.folder, NOTE), "utf8").catch(orMissing);
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Info), text);
    return parsed.success ? parsed.output : { ...EMPTY, by: null };
  }

  async setInfo(info: Info): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const temporary = join(this.folder, `${NOTE}.new`);
    const noted: Noted = { ...info, by: this.#self };
    await writeFile(temporary, JSON.stringify(noted), { mode: 0o600, flush: true });
    await rename(temporary, join(this.folder, NOTE));
  }

  /** Is another process at it? One that is gone is not. */
  async isAnothers({ by }: Pick<Noted, "by">): Promise<boolean> {
    return by !== null && !this.#isMine(by) && (await isAlive(by));
  }

  #isMine(by: ProcessIdentity | null): boolean {
    return by?.pid === this.#self.pid && by.startTicks === this.#self.startTicks;
  }

  /** Bytes that are here to stay. Of a finished upload: all. */
  async offset(): Promise<number> {
    const size = (await stat(this.body).catch(orMissing))?.size ?? 0;
    const { outcome, length, checkedTo } = await this.info();
    return outcome ? (length ?? 0) : Math.min(size, checkedTo ?? size);
  }

  /**
   * Forgets everything that was here.
   * @param comingBytes as far as it is known
   * @throws ToolError disk_full when the new upload cannot fit
   */
  async begin(info: Info, comingBytes = info.length ?? 0): Promise<void> {
    await this.clear();
    await checkRoom(this.folder, comingBytes);
    await this.setInfo(info);
  }

  async clear(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Keeps what became of so many bytes, and nothing else. */
  async end(bytes: number, outcome: NonNullable<Info["outcome"]>): Promise<void> {
    await this.setInfo({ ...EMPTY, length: bytes || null, outcome });
    await this.dropBytes();
  }

  /** Removes all but the note. */
  async dropBytes(): Promise<void> {
    for (const name of await readdir(this.folder))
      if (name !== NOTE) await rm(join(this.folder, name), { force: true });
  }

  /**
   * Adds bytes to the end. What came before a break is kept, unless its checksum was asked for.
   * @throws ToolError too_large when there are more than was said, disk_full; the signal's reason, also when all had come:
   * what is here is then for another request to go on with, or to begin anew
   */
  async append(
    chunks: ReadableStream<Uint8Array> | null,
    signal: AbortSignal,
    checksum?: Checksum,
  ): Promise<void> {
    const info = await this.info();
    const handle = await open(this.body, "a", 0o600);
    try {
      const before = await this.#checkedOnly(handle, info, checksum !== undefined);
      const hash = checksum && createHash(checksum.algorithm);
      await this.#take(handle, chunks, before, info.length ?? Number.POSITIVE_INFINITY, signal, (chunk) =>
        hash?.update(chunk),
      );
      if (hash?.digest("base64") !== checksum?.base64) throw new ChecksumMismatch();
      if (checksum) {
        await handle.sync();
        await this.setInfo({ ...info, checkedTo: null });
      }
    } finally {
      await handle.close();
    }
    signal.throwIfAborted();
  }

  /** The disk has what came, which of gigabytes takes a while: no turn waits for it. */
  async sync(): Promise<void> {
    const handle = await open(this.body, "r+").catch(orMissing);
    try {
      await handle?.sync();
    } finally {
      await handle?.close();
    }
  }

  /** Takes back a part that was never found to be whole. @returns where the next one begins, which may have to be noted */
  async #checkedOnly(handle: FileHandle, info: Noted, hasChecksum: boolean): Promise<number> {
    const { size } = await handle.stat();
    const begins = Math.min(size, info.checkedTo ?? size);
    if (begins < size) await handle.truncate(begins);
    const checkedTo = hasChecksum ? begins : null;
    if (checkedTo !== info.checkedTo || !this.#isMine(info.by)) await this.setInfo({ ...info, checkedTo });
    return begins;
  }

  async #take(
    handle: FileHandle,
    chunks: ReadableStream<Uint8Array> | null,
    from: number,
    length: number,
    signal: AbortSignal,
    onChunk: (chunk: Uint8Array) => void,
  ): Promise<void> {
    if (!chunks) return;
    const room = new RoomWatch(this.folder);
    let arrived = from;
    for await (const chunk of arriving(chunks, signal)) {
      arrived += chunk.length;
      if (arrived > length)
        throw new ToolError("too_large", `More bytes than the ${length} that were promised`);
      await room.passed(chunk.length);
      await handle.writeFile(chunk);
      onChunk(chunk);
      free(chunk);
    }
  }

  /** @throws ToolError when the whole is not what the client said it is */
  async verify(signal: AbortSignal): Promise<void> {
    const { sha256 } = await this.info();
    if (sha256 === null) return;
    const handle = await open(this.body);
    try {
      if ((await sha256Of(handle, { signal })) === sha256) return;
    } finally {
      await handle.close();
    }
    throw invalid("The upload is damaged: its SHA-256 is not the one that was sent with it", "Send it again");
  }
}

function orMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
