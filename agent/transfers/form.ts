// The files of an HTML form, each put into a file of its own. A form cannot go on where it stopped.
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { BusboyConstructor, BusboyInstance } from "@fastify/busboy";
import { invalid } from "../../shared/errors.ts";
import { arriving } from "./arriving.ts";
import { RoomWatch } from "./room.ts";
import type { Staged } from "./unpack/unpack.ts";

const FILES_MAX = 1_000;

export function isForm({ headers }: Request): boolean {
  return headers.get("content-type")?.toLowerCase().startsWith("multipart/form-data") ?? false;
}

/**
 * Puts the form's files into `folder`, which is there. After an error nobody writes there any more.
 * @throws ToolError invalid_input, disk_full; the body's error when it breaks before its end
 */
export async function receiveForm(request: Request, folder: string, signal: AbortSignal): Promise<Staged[]> {
  const { Busboy } = await import("@fastify/busboy");
  const { body, headers } = request;
  if (!body) throw invalid("The form is empty");
  const files: Staged[] = [];
  const failed = new AbortController();
  const writing: Promise<void>[] = [];
  const busboy = parserOf(Busboy, headers.get("content-type") ?? "");
  busboy.on("file", (_field, stream, fileName) => {
    const path = join(folder, `form-${randomUUID()}`);
    if (fileName) files.push({ path, name: fileName });
    // Told to stop: a file whose form breaks off would wait for the rest of it.
    const target = createWriteStream(path, { mode: 0o600, flush: true });
    const written = pipeline(stream, target, { signal: failed.signal });
    written.catch((error: unknown) => failed.abort(error));
    writing.push(written);
  });
  busboy.on("filesLimit", () =>
    failed.abort(invalid(`A form takes ${FILES_MAX} files at most`, "Pack them into one zip, and send that")),
  );
  try {
    const stop = AbortSignal.any([signal, failed.signal]);
    await pipeline(arriving(body, stop), watched(new RoomWatch(folder)), busboy, { signal: stop });
    await Promise.all(writing);
    signal.throwIfAborted(); // taken over from while the last of it went to the disk
  } catch (error) {
    const why = failed.signal.aborted ? failed.signal.reason : signal.aborted ? signal.reason : error;
    failed.abort(error);
    await Promise.allSettled(writing);
    throw damaged(why);
  }
  if (files.length === 0) throw invalid("There is no file in the form; choose one");
  return files;
}

function parserOf(Parser: BusboyConstructor, contentType: string): BusboyInstance {
  try {
    return new Parser({
      headers: { "content-type": contentType },
      limits: { files: FILES_MAX, fields: 10, headerPairs: 100 },
    });
  } catch (error) {
    throw damaged(error);
  }
}

/** The parser's errors have no code; those of the system and ours have. */
function damaged(error: unknown): unknown {
  if (!(error instanceof Error) || "code" in error) return error;
  return invalid(`The form is damaged: ${error.message}`, "Send it again");
}

function watched(room: RoomWatch) {
  return async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      await room.passed(chunk.length);
      yield chunk;
    }
  };
}
