// A source as an HTTP answer: GET and HEAD with ranges, validators, name and digest.
import { type Part, wantedPart } from "./range.ts";
import type { Source } from "./source.ts";

/** Takes over the source: it is closed when its stream is, or here. */
export async function downloadResponse(request: Request, source: Source): Promise<Response> {
  const isHead = request.method === "HEAD";
  const part = wantedPart(request.headers, source, isHead);
  const headers = headersOf(source);
  const empty = async (status: number) => {
    await source[Symbol.asyncDispose]();
    return new Response(null, { status, headers });
  };
  switch (part.kind) {
    case "unchanged":
      return empty(304);
    case "changed":
      return empty(412);
    case "unsatisfiable":
      headers.set("content-range", `bytes */${source.sizeBytes}`);
      headers.set("content-length", "0");
      return empty(416);
    default: {
      const { status, start, end } = bounds(part, source.sizeBytes);
      headers.set("content-length", String(end + 1 - start));
      if (status === 206) headers.set("content-range", `bytes ${start}-${end}/${source.sizeBytes}`);
      if (isHead || source.sizeBytes === 0) return empty(status);
      return new Response(source.stream(start, end), { status, headers });
    }
  }
}

function bounds(part: Extract<Part, { kind: "whole" | "part" }>, sizeBytes: number) {
  return part.kind === "part" ? { status: 206, ...part } : { status: 200, start: 0, end: sizeBytes - 1 };
}

function headersOf({ fileName, contentType, etag, modified, sha256 }: Source): Headers {
  const headers = new Headers({
    "content-type": contentType,
    "content-disposition": contentDisposition(fileName),
    "accept-ranges": "bytes",
    etag,
    "last-modified": modified.toUTCString(),
  });
  if (sha256 !== undefined) {
    // RFC 9530; and for people, as sha256sum prints it.
    headers.set("repr-digest", `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`);
    headers.set("x-content-sha256", sha256);
  }
  return headers;
}

/** RFC 6266: the plain form for old clients, the encoded one for all others. */
export function contentDisposition(fileName: string): string {
  const plain = fileName.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(fileName).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"${plain === fileName ? "" : `; filename*=UTF-8''${encoded}`}`;
}
