// What holds of every download, by whatever way the bytes come. Each server's test runs it with curl and fetch.
import { createHash } from "node:crypto";
import { mkdir, readFile, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as yauzl from "yauzl";
import type { Json } from "./caller.ts";
import { shell } from "./curl.ts";
import { scratch } from "./scratch.ts";
import { putDataset, type Server, type Subject, subjectOf } from "./subject.ts";

const MIB = 1024 * 1024;

/** Not compressible, and different at every place. */
export function randomBytes(bytes: number, seed = 1): Buffer {
  const words = new Uint32Array(bytes / 4);
  let state = seed;
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[index] = state;
  }
  return Buffer.from(words.buffer);
}

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** A file that was written long ago, as the outputs of runs are. */
export async function putModel({ paths }: Subject, name: string, bytes: Buffer): Promise<string> {
  const folder = join(paths.output, name);
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.safetensors`);
  await writeFile(file, bytes);
  const before = new Date(Date.now() - 60_000);
  await utimes(file, before, before);
  return file;
}

export interface DownloadSuiteOptions {
  /** Answers come over a line, which takes none of more than 32 MB. */
  readonly overLine?: boolean;
}

export function downloadSuite(
  name: string,
  start: () => Promise<Server>,
  { overLine = false }: DownloadSuiteOptions = {},
): void {
  describe(`downloads: ${name}`, () => {
    let server: Server;
    let subject: Subject;
    const model = randomBytes(5 * MIB + 4);

    beforeAll(async () => {
      server = await start();
      subject = subjectOf(server);
      await putModel(subject, "cat's lora", model);
      await writeFile(join(subject.paths.output, "old.ckpt"), model); // of that kind any bytes will do
      await putDataset(subject.paths, "cats");
    }, 60_000);
    afterAll(() => server.close());

    const linkTo = (kind: string, thing: string, more = {}) =>
      subject.call("create_download_link", { kind, name: thing, ...more });
    const urlOf = async (kind: string, thing: string) => String((await linkTo(kind, thing))["url"]);

    test("the curl line of the answer, run as it is, brings the file under its name; run again it harms nothing", async () => {
      const link = await linkTo("model", "cat's lora");
      expect(link).toMatchObject({
        file_name: "cat's lora.safetensors",
        size: model.length,
        sha256: sha256(model),
      });
      expect(String(link["url"]).startsWith(`${subject.url}/files/`)).toBe(true);
      const folder = await scratch();
      const { code, stderr } = await shell(String(link["curl"]), folder);
      expect(code, stderr).toBe(0);
      const ours = async () => sha256(await readFile(join(folder, "cat's lora.safetensors")));
      expect(await ours()).toBe(sha256(model));
      // There is nothing beyond the end, which some versions of curl call an error (416).
      await shell(String(link["curl"]), folder);
      expect(await ours()).toBe(sha256(model));
    });

    test("half a file is completed by the same line", async () => {
      const { curl } = await linkTo("model", "cat's lora");
      const folder = await scratch();
      await writeFile(join(folder, "cat's lora.safetensors"), model.subarray(0, 1_000_001));
      expect((await shell(String(curl), folder)).code).toBe(0);
      expect(sha256(await readFile(join(folder, "cat's lora.safetensors")))).toBe(sha256(model));
    });

    test("GET, HEAD, ranges, validators and digest are those of RFC 9110, 6266 and 9530", async () => {
      const url = await urlOf("model", "cat's lora");
      const whole = await fetch(url);
      const etag = whole.headers.get("etag") ?? "";
      const headers = {
        "accept-ranges": "bytes",
        "content-length": String(model.length),
        "content-type": "application/octet-stream",
        "content-disposition": 'attachment; filename="cat\'s lora.safetensors"',
        "repr-digest": `sha-256=:${createHash("sha256").update(model).digest("base64")}:`,
        "x-content-sha256": sha256(model),
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
        "referrer-policy": "same-origin",
        "content-security-policy": "default-src 'none'; sandbox",
      };
      expect(Object.fromEntries(whole.headers)).toMatchObject(headers);
      expect(etag).toMatch(/^"[\w-]{27}"$/);
      expect(sha256(Buffer.from(await whole.arrayBuffer()))).toBe(sha256(model));

      const head = await fetch(url, { method: "HEAD" });
      expect([head.status, Object.fromEntries(head.headers)]).toMatchObject([200, { ...headers, etag }]);

      const ask = async (asked: Record<string, string>) => {
        const response = await fetch(url, { headers: asked });
        const body = Buffer.from(await response.arrayBuffer());
        return { status: response.status, range: response.headers.get("content-range"), body };
      };
      expect(await ask({ range: "bytes=100-199" })).toEqual({
        status: 206,
        range: `bytes 100-199/${model.length}`,
        body: model.subarray(100, 200),
      });
      expect((await ask({ range: "bytes=-7", "if-range": etag })).body).toEqual(model.subarray(-7));
      expect(await ask({ range: "bytes=100-199", "if-range": '"another"' })).toMatchObject({ status: 200 });
      expect(await ask({ range: `bytes=${model.length}-` })).toEqual({
        status: 416,
        range: `bytes */${model.length}`,
        body: Buffer.alloc(0),
      });
      expect(await ask({ "if-none-match": etag })).toMatchObject({ status: 304 });
      expect(await ask({ "if-match": '"another"' })).toMatchObject({ status: 412 });
    });

    test("a data set comes as a zip whose length is known, and any part of it is the same part again", async () => {
      const link = await linkTo("dataset", "cats");
      const url = String(link["url"]);
      const response = await fetch(url);
      const zip = Buffer.from(await response.arrayBuffer());
      expect([response.headers.get("content-length"), zip.length]).toEqual([
        String(link["size"]),
        link["size"],
      ]);
      expect(response.headers.get("content-type")).toBe("application/zip");
      expect(await namesInZip(zip)).toEqual(
        ["img1.jpg", "img1.txt", "img2.png", "img2.txt", "img3.jpg", "img3.txt", "img4.png", "img4.txt"].map(
          (file) => `cats/${file}`,
        ),
      );
      const etag = response.headers.get("etag") ?? "";
      const rest = await fetch(url, { headers: { range: "bytes=1001-", "if-range": etag } });
      expect(rest.status).toBe(206);
      expect(Buffer.from(await rest.arrayBuffer()).equals(zip.subarray(1_001))).toBe(true);
    });

    test("a config comes as it is", async () => {
      await writeFile(join(subject.paths.config, "mine.yaml"), "# mine ü\njob: x\n");
      const response = await fetch(await urlOf("config", "mine"));
      expect(response.headers.get("content-disposition")).toContain('filename="mine.yaml"');
      expect(await response.text()).toBe("# mine ü\njob: x\n");
    });

    test("many at once come whole, more than there are places", async () => {
      const url = await urlOf("model", "cat's lora");
      const hashes = await Promise.all(
        Array.from({ length: 12 }, async () => sha256(Buffer.from(await (await fetch(url)).arrayBuffer()))),
      );
      expect(new Set(hashes)).toEqual(new Set([sha256(model)]));
    });

    test.each([
      ["model", "none", "Model not found"],
      ["dataset", "none", "Dataset not found"],
      ["config", "none", "Configuration not found"],
      ["log", "none", "Job not found"],
      ["samples", "none", "Job not found"],
    ])("for a %s that is not there no link is made", async (kind, thing, error) => {
      const failed = await subject.execute("create_download_link", { kind, name: thing });
      expect(failed.json?.["error"] ?? failed.error).toBe(error);
    });

    test("a link that is wrong, tampered with or revoked leads nowhere, and takes nothing but GET and HEAD", async () => {
      const link = await linkTo("model", "cat's lora");
      const url = String(link["url"]);
      const other = String((await linkTo("config", "mine"))["url"]);
      const swapped = url.slice(0, -22) + other.slice(-22); // this link's id, that one's signature
      for (const wrong of [swapped, `${url.slice(0, -1)}${url.endsWith("A") ? "B" : "A"}`, `${url}A`]) {
        expect((await fetch(wrong)).status, wrong).toBe(404);
      }
      const put = await fetch(url, { method: "PUT", body: "x" });
      expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      const revoked = await subject.call("revoke_link", { link_id: link["link_id"] });
      expect(JSON.stringify(revoked["links"])).not.toContain(String(link["link_id"]));
      const gone = await fetch(url);
      expect([gone.status, await gone.json()]).toMatchObject([404, { code: "not_found" }]);
    });

    test("download_model without its bytes answers with the link that create_download_link makes", async () => {
      const answer = await subject.call("download_model", { model_name: "old", encoding: "raw" });
      expect(answer).toMatchObject({ status: "success", sha256: sha256(model), size: model.length });
      const link = answer["link"] as Json;
      const made = await linkTo("model", "old");
      expect(Object.keys(link)).toEqual(Object.keys(made));
      expect(link).toMatchObject({ file_name: made["file_name"], sha256: sha256(model), size: model.length });
      const folder = await scratch();
      const { code, stderr } = await shell(String(link["curl"]), folder);
      expect(code, stderr).toBe(0);
      expect(sha256(await readFile(join(folder, "old.ckpt")))).toBe(sha256(model));
    });

    test("a model's bytes come to a chat only when they were asked for; to a script as ever", async () => {
      const args = { model_name: "old" };
      const ask = async (args: object) =>
        [
          await subject.rpc("tools/call", { name: "download_model", arguments: args }),
          await subject.modernRpc(
            "tools/call",
            { name: "download_model", arguments: args },
            "download_model",
          ),
        ].map(({ result }) => result?.["structuredContent"] as Json);
      for (const answer of [...(await ask(args)), ...(await ask({ ...args, encoding: null }))]) {
        expect(answer).not.toHaveProperty("data");
        const { url } = answer["link"] as Json;
        expect((await fetch(String(url), { method: "HEAD" })).status).toBe(200);
      }
      const data = model.toString("base64");
      for (const answer of await ask({ ...args, encoding: "base64" })) expect(answer["data"]).toBe(data);
      const plain = await subject.call("download_model", args);
      expect(plain["data"]).toBe(data);
      expect(plain).not.toHaveProperty("link");
    });

    test("a model too large for an answer comes by the link that the refusal has", async () => {
      const ckpt = join(subject.paths.output, "huge.ckpt"); // no header to check
      await writeFile(ckpt, "");
      const refused = async (bytes: number) => {
        await truncate(ckpt, bytes); // sparse, so that it costs nothing
        const body = { tool: "download_model", arguments: { model_name: "huge" } };
        const { json } = await subject.send("/mcp/execute", { body });
        expect(json).toMatchObject({ success: false, code: "too_large" });
        const { hint, link } = json as { hint: string; link: Json };
        expect(link).toMatchObject({ file_name: "huge.ckpt", size: bytes });
        expect(hint).toContain(link["curl"]);
        const head = await fetch(String(link["url"]), { method: "HEAD" });
        expect([head.status, head.headers.get("content-length")]).toEqual([200, String(bytes)]);
        return link;
      };
      const link = await refused(104_857_601);
      const { json } = await subject.execute("download_model", { model_name: "huge" });
      expect(json).toMatchObject({
        max_size: 104_857_600,
        note: expect.stringContaining("Use export_model"),
        link: {
          ...link,
          link_id: expect.any(String),
          url: expect.any(String),
          curl: expect.any(String),
          expires_at: expect.any(String),
        },
      });
      if (overLine) await refused(30 * MIB);
    });

    test("no log says a link's address", async () => {
      const url = await urlOf("model", "cat's lora");
      await fetch(url);
      await fetch(url, { headers: { host: "evil.example" } }).catch(() => {});
      const { link } = await subject.call("download_model", { model_name: "old", encoding: "raw" });
      const { log } = server as { log?: () => string };
      for (const each of [url, String((link as Json)["url"])])
        expect(log?.() ?? "").not.toContain(new URL(each).pathname);
    });

    test("a client that stops reading holds nobody up, and one that leaves leaves nothing open", async () => {
      const big = randomBytes(24 * MIB, 7);
      await putModel(subject, "big", big);
      const url = await urlOf("model", "big");
      const leaving = new AbortController();
      const stalled = await Promise.all([1, 2, 3].map(() => fetch(url, { signal: leaving.signal })));
      expect(stalled.map(({ status }) => status)).toEqual([200, 200, 200]);
      const read = await fetch(url);
      expect(sha256(Buffer.from(await read.arrayBuffer()))).toBe(sha256(big));
      leaving.abort();
      // All places are free again at once: four more come through.
      const again = await Promise.all([1, 2, 3, 4].map(async () => (await fetch(url)).arrayBuffer()));
      expect(again.map(({ byteLength }) => byteLength)).toEqual(again.map(() => big.length));
      await vi.waitFor(async () => expect(await openFiles(server, "big.safetensors")).toEqual([]), {
        timeout: 10_000,
      });
    });
  });
}

/** Descriptors of the agent's process that lead to a file of this name. */
async function openFiles(server: Server, file: string): Promise<string[]> {
  const { readdir, readlink } = await import("node:fs/promises");
  const { pid } = server as { pid?: number };
  if (pid === undefined) return [];
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => "")), // closed meanwhile
  );
  return links.filter((link) => link.endsWith(`/${file}`));
}

export async function namesInZip(zip: Buffer): Promise<string[]> {
  const names: string[] = [];
  const opened = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.fromBuffer(zip, { lazyEntries: false }, (error, file) => (error ? reject(error) : resolve(file))),
  );
  await new Promise((resolve, reject) => {
    opened.on("entry", ({ fileName }: yauzl.Entry) => names.push(fileName));
    opened.on("end", resolve);
    opened.on("error", reject);
  });
  return names.sort();
}
