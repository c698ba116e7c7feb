// What holds of every upload, by whatever way the bytes come.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import * as tus from "tus-js-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { zip } from "./archives.ts";
import { BAD_ARCHIVES } from "./bad-archives.ts";
import { begunCall } from "./begun-call.ts";
import type { Json } from "./caller.ts";
import { shell } from "./curl.ts";
import { randomBytes, scratch, sha256 } from "./downloads.suite.ts";
import { picturePath, putConfig, putRun, type Server, type Subject, subjectOf } from "./subject.ts";

const MIB = 1024 * 1024;

export interface UploadSuiteOptions {
  /** In the large data set. */
  readonly images?: number;
  /** Calls go over a line, which takes none of more than 32 MB. */
  readonly overLine?: boolean;
}

/** Pictures of every colour, each with its caption. */
export async function pictures(count: number): Promise<{ name: string; data: Buffer | string }[]> {
  const made = await Promise.all(
    Array.from({ length: count }, async (_none, index) => {
      const background = { r: index % 256, g: (index * 7) % 256, b: (index * 31) % 256 };
      const name = `picture ${String(index).padStart(5, "0")}`;
      const data = await sharp({ create: { width: 512, height: 512, channels: 3, background } })
        .jpeg()
        .toBuffer();
      return [
        { name: `${name}.jpg`, data },
        { name: `${name}.txt`, data: `a photo of colour ${index}` },
      ];
    }),
  );
  return made.flat();
}

export function uploadSuite(
  name: string,
  start: () => Promise<Server>,
  { images = 40, overLine = false }: UploadSuiteOptions = {},
): void {
  describe(`uploads: ${name}`, () => {
    let server: Server;
    let subject: Subject;
    let jpeg: Buffer;
    let png: Buffer;

    beforeAll(async () => {
      server = await start();
      subject = subjectOf(server);
      jpeg = await readFile(picturePath("img1.jpg"));
      png = await readFile(picturePath("img2.png"));
    }, 60_000);
    afterAll(() => server.close());

    const linkTo = (dataset: string, more: object = {}) =>
      subject.call("create_upload_link", { name: dataset, ...more });
    const filesOf = async (dataset: string) =>
      (await readdir(join(subject.paths.datasets, dataset), { recursive: true })).sort();
    const send = async (dataset: string, body: Buffer, more: object = {}, init: RequestInit = {}) => {
      const { url } = await linkTo(dataset, more);
      const response = await fetch(`${url}/x.bin`, { method: "PUT", body: new Uint8Array(body), ...init });
      return { status: response.status, json: (await response.json()) as Json };
    };
    /** Nothing of a refused upload, and nothing half done, may be anywhere. */
    const leftovers = async () => [
      ...(await readdir(subject.paths.datasets)).filter((each) => each.startsWith(".")),
      ...(await readdir(subject.paths.staging, { recursive: true })).filter((each) =>
        /\/(body|form-)/.test(each),
      ),
    ];

    test(`a zip of ${images} pictures, by curl exactly as printed, becomes a data set that preflight accepts`, async () => {
      const files = await pictures(images);
      const folder = await scratch();
      await writeFile(
        join(folder, "many.zip"),
        zip(files.map((file) => ({ ...file, name: `my set/${file.name}` }))),
      );
      const { curl } = await linkTo("many");
      const { code, stdout, stderr } = await shell(String(curl), folder);
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        success: true,
        dataset: "many",
        files_saved: images,
        captions_saved: images,
        files_failed: 0,
        files_skipped: 0,
      });
      expect(await subject.call("get_dataset_info", { name: "many" })).toMatchObject({
        image_count: images,
        captions_complete: true,
      });
      await putConfig(
        subject.paths,
        "many",
        JSON.stringify({
          job: "extension",
          config: {
            name: "many",
            process: [
              {
                type: "diffusion_trainer",
                training_folder: subject.paths.output,
                network: { type: "lora", linear: 4, linear_alpha: 4 },
                datasets: [{ folder_path: join(subject.paths.datasets, "many"), resolution: 512 }],
                train: { steps: 10, disable_sampling: true },
                model: { name_or_path: "nobody/nothing", arch: "sd1" },
              },
            ],
          },
        }),
      );
      const { checks } = await subject.call("preflight", { config_name: "many" });
      const bad = (checks as { level?: string; check?: string }[]).filter(({ level }) => level === "error");
      expect(bad).toEqual([]);
      expect(await leftovers()).toEqual([]);
    }, 240_000);

    test("a folder goes by the line with tar, and one folder around all is taken off", async () => {
      const folder = await scratch();
      await mkdir(join(folder, "sub"));
      await writeFile(join(folder, "a.jpg"), jpeg);
      await writeFile(join(folder, "a.txt"), "a cat");
      await writeFile(join(folder, "sub", "b.png"), png);
      await writeFile(join(folder, ".DS_Store"), "x");
      const { curl_folder } = await linkTo("folder");
      const { code, stdout, stderr } = await shell(String(curl_folder), folder);
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ files_saved: 2, captions_saved: 1, files_skipped: 1 });
      expect(await filesOf("folder")).toEqual(["a.jpg", "a.txt", "sub", "sub/b.png"]);
    });

    test("the line in parts goes on where an upload before has stopped", async () => {
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

    test("every line says why an upload is refused, and ends as a failure", async () => {
      const folder = await scratch();
      await writeFile(join(folder, "no.zip"), zip([{ name: "../evil.jpg", data: jpeg }]));
      const link = await linkTo("no");
      for (const line of ["curl", "curl_resume"]) {
        const { code, stdout } = await shell(String(link[line]), folder);
        expect(JSON.parse(stdout), line).toMatchObject({
          success: false,
          error: expect.stringContaining("refused"),
        });
        expect(code, line).not.toBe(0);
      }
      const elsewhere = await shell(String(link["curl_resume"]), await scratch());
      expect(elsewhere).toMatchObject({
        stdout: "",
        stderr: expect.stringMatching(/^[^\n]*no\.zip[^\n]*\n$/),
      });
      expect(elsewhere.code).not.toBe(0);
    });

    test("tus-js-client, a client of the standard, uploads in parts", async () => {
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

    test("a form without script takes files, and answers with a page", async () => {
      const { url } = await linkTo("by-form");
      const form = new FormData();
      form.append("file", new File([new Uint8Array(jpeg)], "cat ü.jpg"));
      form.append("file", new File(["a cat"], "cat ü.txt"));
      const response = await fetch(String(url), {
        method: "POST",
        body: form,
        headers: { accept: "text/html" },
      });
      expect([response.status, response.headers.get("content-type")]).toEqual([
        200,
        "text/html; charset=utf-8",
      ]);
      expect(await response.text()).toContain("Done: 1 file and 1 caption are in by-form.");
      expect(await filesOf("by-form")).toEqual(["cat ü.jpg", "cat ü.txt"]);
    });

    const part = (name: string, data: string) =>
      `--edge\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: image/jpeg\r\n\r\n${data}\r\n`;
    test.each<[string, string, string, string]>([
      ["with more files than it takes", "edge", `${part("a.txt", "a").repeat(1_001)}--edge--`, "1000 files"],
      ["that ends in the middle of a file", "edge", part("a.txt", "a").slice(0, -4), "form is damaged"],
      ["without its boundary", "", part("a.txt", "a"), "form is damaged"],
      ["without a file", "edge", "--edge--\r\n", "no file in the form"],
    ])("a form %s is refused, and nothing of it is left", async (_what, boundary, body, why) => {
      const { url } = await linkTo("bad-form");
      const type = `multipart/form-data${boundary && `; boundary=${boundary}`}`;
      const headers = { "content-type": type, connection: "close" };
      const response = await fetch(String(url), { method: "POST", body, headers });
      const json = (await response.json()) as Json;
      expect([response.status, json]).toMatchObject([400, { error: expect.stringContaining(why) }]);
      expect(await leftovers()).toEqual([]);
      expect(await (await fetch(String(url))).json()).toMatchObject({ received: 0, length: null });
    });

    test("what a browser without script is refused it reads on the page, and a link that ended has a page, too", async () => {
      const { url, link_id } = await linkTo("by-form refused");
      const page = async (init: RequestInit) => {
        const headers = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
        const response = await fetch(String(url), { ...init, headers });
        expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
        return { status: response.status, html: await response.text() };
      };
      const form = new FormData();
      form.append("file", new File(["x"], "note.md"));
      const refused = await page({ method: "POST", body: form });
      expect(refused.status).toBe(400);
      expect(refused.html).toContain(
        "The upload is refused: there is nothing in it that ai-toolkit trains on",
      );
      expect(refused.html).not.toContain("Invalid parameters");
      expect(refused.html).toContain('<input id="files"'); // to try again
      await subject.call("revoke_link", { link_id });
      const ended = await page({});
      expect(ended.status).toBe(404);
      expect(ended.html).toContain("<h1>This link does not work: it is wrong, expired or revoked</h1>");
      expect(ended.html).toContain("Ask for a new one");
    });

    test("an upload goes on by Content-Range, as curl -C does it, and never beside itself", async () => {
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
      const archive = zip([{ name: "a.jpg", data: jpeg }]);
      const digest = (bytes: Buffer) => `sha-256=:${Buffer.from(sha256(bytes), "hex").toString("base64")}:`;
      const wrong = await send("digest", archive, {}, { headers: { "repr-digest": digest(jpeg) } });
      expect(wrong).toMatchObject({ status: 400, json: { error: expect.stringContaining("SHA-256") } });
      expect(await leftovers()).toEqual([]);
      const right = await send("digest", archive, {}, { headers: { "repr-digest": digest(archive) } });
      expect(right.status).toBe(200);
    });

    test("a part with a wrong checksum is taken back", async () => {
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
      const { url } = await linkTo("promised");
      const body = new Uint8Array(8 * MIB);
      for (const length of [3, 5 * MIB]) {
        const headers = { connection: "close", "upload-offset": "0", "upload-length": String(length) };
        const answer = await fetch(String(url), { method: "PATCH", headers, body });
        expect([answer.status, await answer.json()]).toMatchObject([413, { code: "too_large" }]);
      }
      await fetch(String(url), { method: "DELETE" }); // what came before is kept otherwise
    });

    test("what exists is refused, added to or replaced, as the link says", async () => {
      const first = zip([
        { name: "a.jpg", data: jpeg },
        { name: "a.txt", data: "one" },
      ]);
      expect((await send("twice", first)).status).toBe(200);
      const refused = await subject.execute("create_upload_link", { name: "twice" });
      expect(refused).toMatchObject({ status: 409, code: "conflict" });
      const second = zip([
        { name: "a.jpg", data: jpeg },
        { name: "a.txt", data: "two" },
        { name: "b.png", data: png },
        { name: "b.txt", data: "b" },
      ]);
      expect((await send("twice", second, { on_conflict: "append" })).json).toMatchObject({
        files_saved: 1,
        captions_saved: 1,
        files_failed: 2,
        failed: [
          { file: "a.jpg", reason: "it exists" },
          { file: "a.txt", reason: "its picture was not taken" },
        ],
      });
      expect(await readFile(join(subject.paths.datasets, "twice", "a.txt"), "utf8")).toBe("one");
      const third = await send("twice", zip([{ name: "c.png", data: png }]), { on_conflict: "replace" });
      expect(await filesOf("twice")).toEqual(["c.png"]);
      await subject.call("delete_dataset", { name: "twice" });
      await subject.call("restore_deleted", { trash_id: third.json["replaced_trash_id"] });
      expect(await filesOf("twice")).toEqual(["a.jpg", "a.txt", "b.png", "b.txt"]);
    });

    test("a link that has made its data set says before any byte that it takes no second one", async () => {
      const archive = zip([{ name: "a.jpg", data: jpeg }]);
      const { url, curl_resume } = await linkTo("made");
      expect((await fetch(`${url}/x.zip`, { method: "PUT", body: new Uint8Array(archive) })).status).toBe(
        200,
      );
      const again = await fetch(String(url), { method: "POST", headers: { "upload-length": "1000" } });
      expect([again.status, await again.json()]).toMatchObject([
        409,
        { error: expect.stringContaining("made") },
      ]);
      // What it has made it still tells to whom asks.
      expect(await (await fetch(String(url))).json()).toMatchObject({ outcome: { files_saved: 1 } });
      const folder = await scratch();
      await writeFile(join(folder, "made.zip"), archive);
      expect(JSON.parse((await shell(String(curl_resume), folder)).stdout)).toMatchObject({ files_saved: 1 });
    });

    test("a data set that a run uses is not replaced, and stays whole", async () => {
      await putRun(subject.paths, "in-use", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
      const before = await filesOf("in-use");
      const { job_id } = await subject.call("start_training", { config_name: "in-use" });
      const archive = zip([{ name: "c.png", data: png }]);
      const { status, json } = await send("in-use", archive, { on_conflict: "replace" });
      expect([status, json["code"]]).toEqual([409, "conflict"]);
      expect(await filesOf("in-use")).toEqual(before);
      await subject.call("stop_training", { job_id });
    });

    test("control images lie beside their data set, and an image for prompts comes alone", async () => {
      const control = await send(
        "cats",
        zip([
          { name: "a.jpg", data: jpeg },
          { name: "a.txt", data: "x" },
        ]),
        {
          kind: "control",
        },
      );
      expect(control.json).toMatchObject({ dataset: "cats_control", files_saved: 1, files_skipped: 1 });
      const { url } = await linkTo("for-prompts", { kind: "sample_image" });
      const folder = await scratch();
      await writeFile(join(folder, "face.png"), png);
      expect((await shell(`curl -gsf -T face.png '${url}/'`, folder)).code).toBe(0);
      expect(await filesOf("for-prompts")).toEqual(["face.png"]);
    });

    test("each file's outcome is told", async () => {
      const { status, json } = await send(
        "mixed",
        zip([
          { name: "cat.jpg", data: jpeg },
          { name: "cat.png", data: png },
          { name: "text.jpg", data: "this is no picture, but long enough" },
          { name: "really.png", data: jpeg },
          { name: "README.md", data: "x" },
          { name: "__MACOSX/._cat.jpg", data: "x" },
        ]),
      );
      expect([status, json]).toMatchObject([
        200,
        {
          files_saved: 1,
          files_failed: 3,
          failed: [
            { file: "cat.png", reason: expect.stringContaining("share its caption file") },
            { file: "text.jpg", reason: "The data is not an image" },
            { file: "really.png", reason: expect.stringContaining("JPEG") },
          ],
          files_skipped: 2,
        },
      ]);
    });

    test.each(BAD_ARCHIVES)("%s is refused, and nothing of it is left", async (_what, make, why) => {
      const before = await filesOf(".");
      const { status, json } = await send("bad", make());
      expect([status, json]).toMatchObject([400, { success: false, code: "invalid_input" }]);
      expect(json["error"]).toContain(why);
      expect(json["hint"]).toBeTruthy();
      expect(await filesOf(".")).toEqual(before);
      expect(await leftovers()).toEqual([]);
    });

    test("the link tells a program what it is for, and takes no more when it is revoked", async () => {
      const { url, link_id } = await linkTo("told");
      expect(await (await fetch(String(url))).json()).toMatchObject({
        kind: "dataset",
        dataset: "told",
        received: 0,
      });
      await subject.call("revoke_link", { link_id });
      expect((await fetch(String(url), { method: "PUT", body: "x" })).status).toBe(404);
    });

    /** Calls of upload_dataset that cannot be taken, by their size. */
    const tooLarge: [string, string, number][] = [
      ["a body that is longer than any may be", "/mcp/execute", 65 * MIB],
      ["the same over MCP", "/mcp", 65 * MIB],
      ...(overLine
        ? ([["a call that no line takes", "/mcp/execute", 33 * MIB]] as [string, string, number][])
        : []),
    ];
    test.each(tooLarge)("%s is refused with the link that takes its data set", async (what, path, bytes) => {
      const name = `large ü "${what}"`.slice(0, 40);
      const large = bytes > 64 * MIB;
      const images = [{ filename: "a.jpg", data: "A".repeat(large ? 1 : bytes), caption: "a" }];
      const args = { dataset_name: name, images };
      const call =
        path === "/mcp"
          ? {
              jsonrpc: "2.0",
              id: 1,
              method: "tools/call",
              params: { name: "upload_dataset", arguments: args },
            }
          : { tool: "upload_dataset", arguments: args };
      const { status, json } = await (large
        ? begunCall(subject.url + path, { bytes, body: call, token: server.token })
        : subject.send(path, { body: call }));
      expect(status, JSON.stringify(json)).toBe(413);
      const { data } = (json["error"] ?? {}) as { data?: Json };
      const { hint, link } = (data ?? json) as { hint: string; link: Json };
      expect(link, hint).toMatchObject({ dataset: name });
      expect(hint).toContain(link["url"]);
      expect(hint).toContain(link["curl_folder"]);
      const folder = await scratch();
      await writeFile(join(folder, "a.jpg"), jpeg);
      const { code, stderr } = await shell(String(link["curl_folder"]), folder);
      expect(code, stderr).toBe(0);
      expect(await filesOf(name)).toEqual(["a.jpg"]);
    });

    test("a key of a call that was too large stays free for the smaller one", async () => {
      const body = (data: string) => ({
        tool: "upload_dataset",
        arguments: { dataset_name: "keyed", images: [{ filename: "a.jpg", data, caption: "a" }] },
      });
      const headers = { "idempotency-key": "one-and-only" };
      const large = await begunCall(`${subject.url}/mcp/execute`, {
        bytes: 65 * MIB,
        body: body("A"),
        token: server.token,
        headers,
      });
      expect([large.status, (large.json["link"] as Json)["dataset"]]).toEqual([413, "keyed"]);
      const small = await subject.send("/mcp/execute", { body: body(jpeg.toString("base64")), headers });
      expect(small.json).toMatchObject({ success: true });
    });

    test("more images than one call may have are refused with the link, too", async () => {
      const images = Array.from({ length: 10_001 }, () => ({}));
      const refused = await subject.execute("upload_dataset", { dataset_name: "many small", images });
      expect(refused).toMatchObject({ status: 413, code: "too_large" });
      expect(refused.hint).toContain("/files/");
    });

    test("a client that is cut off and comes back takes over from itself", async () => {
      const archive = zip([
        { name: "a.jpg", data: jpeg },
        { name: "b.mp4", data: randomBytes(4 * MIB) },
      ]);
      const { url } = await linkTo("taken-over");
      const stalled = new TransformStream<Uint8Array, Uint8Array>();
      const writer = stalled.writable.getWriter();
      const first = fetch(String(url), {
        method: "PATCH",
        headers: { "upload-offset": "0", "upload-length": String(archive.length) },
        body: stalled.readable,
        duplex: "half",
      } as RequestInit).catch(() => undefined);
      void writer.write(new Uint8Array(archive.subarray(0, 2 * MIB))).catch(() => {});
      const offset = async () =>
        Number((await fetch(String(url), { method: "HEAD" })).headers.get("upload-offset"));
      for (let arrived = 0; arrived < 2 * MIB; ) {
        arrived = Number(((await (await fetch(String(url))).json()) as Json)["received"]);
      }
      const at = await offset();
      expect(at).toBe(2 * MIB);
      const rest = await fetch(String(url), {
        method: "PATCH",
        headers: { "upload-offset": String(at) },
        body: new Uint8Array(archive.subarray(at)),
      });
      expect(rest.status).toBe(200);
      void writer.close().catch(() => {});
      await first;
      expect(await filesOf("taken-over")).toEqual(["a.jpg", "b.mp4"]);
    });
  });
}
