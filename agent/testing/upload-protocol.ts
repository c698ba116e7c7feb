// Part of the suite of uploads: bytes that come in parts, that are checked, or that another request goes on with.
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tus from "tus-js-client";
import { expect, test, vi } from "vitest";
import { zip } from "./archives.ts";
import type { Json } from "./caller.ts";
import { shell } from "./curl.ts";
import { randomBytes, sha256 } from "./downloads.suite.ts";
import { scratch } from "./scratch.ts";
import type { UploadPlace } from "./upload-place.ts";

const MIB = 1024 * 1024;

export function uploadProtocol(place: () => UploadPlace): void {
  test("the line in parts goes on where an upload before has stopped", async () => {
    const { subject, jpeg, linkTo } = place();
    const folder = await scratch();
    const archive = zip([
      { name: "a.jpg", data: jpeg },
      { name: "filler.mp4", data: randomBytes(6 * MIB) },
    ]);
    await writeFile(join(folder, "parts.zip"), archive);
    const { url, curl_resume } = await linkTo("parts");
    const half = await fetch(String(url), {
      method: "PATCH",
      headers: { "upload-offset": "0", "upload-length": String(archive.length) },
      body: new Uint8Array(archive.subarray(0, 3 * MIB)),
    });
    expect([half.status, half.headers.get("upload-offset")]).toEqual([204, String(3 * MIB)]);
    const { code, stdout, stderr } = await shell(String(curl_resume), folder);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("\r3 of 6 MiB");
    expect(JSON.parse(stdout)).toMatchObject({ success: true, files_saved: 2 });
    expect(sha256(await readFile(join(subject.paths.datasets, "parts", "filler.mp4")))).toBe(
      sha256(randomBytes(6 * MIB)),
    );
    // Asked again, it tells again how it went.
    expect(JSON.parse((await shell(String(curl_resume), folder)).stdout)).toMatchObject({ files_saved: 2 });
  });

  test("the line in parts adds a second archive to a link that may add", async () => {
    const { jpeg, png, linkTo, filesOf } = place();
    const folder = await scratch();
    await writeFile(join(folder, "added.zip"), zip([{ name: "a.jpg", data: jpeg }]));
    await writeFile(join(folder, "more.zip"), zip([{ name: "b.png", data: png }]));
    const { curl_resume } = await linkTo("added", { on_conflict: "append" });
    for (const name of ["added.zip", "more.zip"]) {
      const { code, stdout } = await shell(String(curl_resume).replace("added.zip", name), folder);
      expect([code, JSON.parse(stdout)], stdout).toMatchObject([0, { files_saved: 1 }]);
    }
    expect(await filesOf("added")).toEqual(["a.jpg", "b.png"]);
  });

  test("tus-js-client, a client of the standard, uploads in parts", async () => {
    const { jpeg, linkTo, filesOf } = place();
    const archive = zip([
      { name: "a.jpg", data: jpeg },
      { name: "b.mp4", data: randomBytes(3 * MIB) },
    ]);
    const { url } = await linkTo("by-tus");
    const ended = new Promise<void>((resolve, reject) => {
      const upload = new tus.Upload(archive, {
        endpoint: String(url),
        chunkSize: MIB,
        retryDelays: null,
        metadata: { filename: "set.zip" },
        onSuccess: () => resolve(),
        onError: reject,
      });
      upload.start();
    });
    await ended;
    expect(await filesOf("by-tus")).toEqual(["a.jpg", "b.mp4"]);
  });

  test("an upload goes on by Content-Range, as curl -C does it, and never beside itself", async () => {
    const { jpeg, linkTo } = place();
    const archive = zip([
      { name: "a.jpg", data: jpeg },
      { name: "b.mp4", data: randomBytes(2 * MIB) },
    ]);
    const { url } = await linkTo("ranged");
    const part = (start: number, end: number) =>
      fetch(String(url), {
        method: "PUT",
        // The server closes soon after it refused a body unread: no other test may be lent that connection.
        headers: { connection: "close", "content-range": `bytes ${start}-${end - 1}/${archive.length}` },
        body: new Uint8Array(archive.subarray(start, end)),
      });
    expect((await part(0, MIB)).status).toBe(400); // "Only … came", and kept
    const wrong = await part(5, archive.length);
    expect([wrong.status, await wrong.json()]).toMatchObject([409, { code: "conflict" }]);
    // What cannot be read as a part is none, and no whole either.
    for (const range of [`bytes ${MIB}-${archive.length - 1}/*`, `${MIB}-`]) {
      const headers = { connection: "close", "content-range": range };
      const unclear = await fetch(String(url), { method: "PUT", headers, body: "x" });
      expect([unclear.status, await unclear.json()]).toMatchObject([400, { code: "invalid_input" }]);
    }
    expect((await part(MIB, archive.length)).status).toBe(200);
  });

  test("a digest that does not fit refuses the upload; one that fits does not", async () => {
    const { jpeg, send, leftovers } = place();
    const archive = zip([{ name: "a.jpg", data: jpeg }]);
    const digest = (bytes: Buffer) => `sha-256=:${Buffer.from(sha256(bytes), "hex").toString("base64")}:`;
    const wrong = await send("digest", archive, {}, { headers: { "repr-digest": digest(jpeg) } });
    expect(wrong).toMatchObject({ status: 400, json: { error: expect.stringContaining("SHA-256") } });
    expect(await leftovers()).toEqual([]);
    const right = await send("digest", archive, {}, { headers: { "repr-digest": digest(archive) } });
    expect(right.status).toBe(200);
  });

  test("a part with a wrong checksum is taken back", async () => {
    const { jpeg, linkTo } = place();
    const archive = zip([{ name: "a.jpg", data: jpeg }]);
    const { url } = await linkTo("checked");
    const patch = (checksum: string) =>
      fetch(String(url), {
        method: "PATCH",
        headers: {
          "upload-offset": "0",
          "upload-length": String(archive.length),
          "upload-checksum": `sha256 ${checksum}`,
        },
        body: new Uint8Array(archive),
      });
    expect((await patch(Buffer.alloc(32).toString("base64"))).status).toBe(460);
    const head = await fetch(String(url), { method: "HEAD" });
    expect(head.headers.get("upload-offset")).toBe("0");
    expect((await patch(Buffer.from(sha256(archive), "hex").toString("base64"))).status).toBe(200);
  });

  test("more bytes than were promised are refused in words, although more of them are under way", async () => {
    const { linkTo } = place();
    const { url } = await linkTo("promised");
    const body = new Uint8Array(8 * MIB);
    for (const length of [3, 5 * MIB]) {
      const headers = { connection: "close", "upload-offset": "0", "upload-length": String(length) };
      const answer = await fetch(String(url), { method: "PATCH", headers, body });
      expect([answer.status, await answer.json()]).toMatchObject([413, { code: "too_large" }]);
    }
    await fetch(String(url), { method: "DELETE" }); // what came before is kept otherwise
  });

  /** An upload in one part that goes on when it is told to. */
  async function slowly(url: string, archive: Buffer, headers: Record<string, string> = {}) {
    const body = new TransformStream<Uint8Array, Uint8Array>();
    const writer = body.writable.getWriter();
    const answer = fetch(url, {
      method: "PATCH",
      headers: { "upload-offset": "0", "upload-length": String(archive.length), ...headers },
      body: body.readable,
      duplex: "half",
    } as RequestInit).catch(() => undefined);
    let sent = 0;
    const write = (to: number) => {
      void writer.write(new Uint8Array(archive.subarray(sent, to))).catch(() => {});
      sent = to;
    };
    return {
      answer,
      write,
      end: () => void writer.close().catch(() => {}),
      /** Sends so much, and waits until it is there. */
      async reach(to: number) {
        write(to);
        await vi.waitFor(
          async () =>
            expect(((await (await fetch(url)).json()) as Json)["received"]).toBeGreaterThanOrEqual(to),
          20_000,
        );
      },
      /** What a client does that has lost its line. */
      async offset() {
        return Number((await fetch(url, { method: "HEAD" })).headers.get("upload-offset"));
      },
      goOn: (at: number) =>
        fetch(url, {
          method: "PATCH",
          headers: { connection: "close", "upload-offset": String(at) },
          body: new Uint8Array(archive.subarray(at)),
        }),
    };
  }
  const film = () =>
    zip([
      { name: "a.jpg", data: place().jpeg },
      { name: "b.mp4", data: randomBytes(4 * MIB) },
    ]);

  test("a client that is cut off and comes back takes over from itself", async () => {
    const { linkTo, filesOf } = place();
    const { url } = await linkTo("taken-over");
    const first = await slowly(String(url), film());
    await first.reach(2 * MIB);
    const at = await first.offset();
    expect(at).toBe(2 * MIB);
    expect((await first.goOn(at)).status).toBe(200);
    first.end();
    await first.answer;
    expect(await filesOf("taken-over")).toEqual(["a.jpg", "b.mp4"]);
  });

  test("who asks how far an upload is does not stop it", async () => {
    const { linkTo } = place();
    const { url } = await linkTo("looked-at");
    const archive = film();
    const upload = await slowly(String(url), archive);
    await upload.reach(2 * MIB);
    expect(await upload.offset()).toBe(2 * MIB);
    upload.write(archive.length);
    upload.end();
    expect((await upload.answer)?.status).toBe(200);
  });

  test("what came late by a line that was given up is there, and not twice", async () => {
    const { subject, linkTo } = place();
    const { url } = await linkTo("late");
    const archive = film();
    const first = await slowly(String(url), archive);
    await first.reach(2 * MIB);
    const at = await first.offset();
    await first.reach(3 * MIB);
    const early = await first.goOn(at);
    expect([early.status, await early.json()]).toMatchObject([409, { code: "conflict" }]);
    const now = await first.offset();
    expect(now).toBe(3 * MIB);
    expect((await first.goOn(now)).status).toBe(200);
    first.end();
    await first.answer;
    const arrived = await readFile(join(subject.paths.datasets, "late", "b.mp4"));
    expect(sha256(arrived)).toBe(sha256(randomBytes(4 * MIB)));
  });

  test("bytes whose checksum is not known to fit yet do not count", async () => {
    const { subject, linkTo } = place();
    const { url, link_id } = await linkTo("unchecked");
    const archive = film();
    const checksum = `sha256 ${Buffer.from(sha256(archive), "hex").toString("base64")}`;
    const first = await slowly(String(url), archive, { "upload-checksum": checksum });
    first.write(2 * MIB);
    const body = join(subject.paths.staging, String(link_id), "body");
    await vi.waitFor(async () => expect((await stat(body)).size).toBe(2 * MIB), 20_000);
    expect(await first.offset()).toBe(0);
    expect((await first.goOn(0)).status).toBe(200);
    first.end();
    await first.answer;
  });
}
