// Unpacking that takes longer than anything on the way waits for an answer. What makes it last is real: another change of the
// same data set, whose turn is not over.
import { type FileHandle, mkdir, mkdtemp, open, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Trash } from "../files/trash.ts";
import { createFolders, type Paths, pathsOf } from "../paths.ts";
import { zip } from "../testing/archives.ts";
import { picturePath } from "../testing/subject.ts";
import { Turns, turnOf } from "../tools/datasets/turns.ts";
import { identify } from "../tools/training/process.ts";
import { Files, type FilesOptions } from "./files.ts";
import { LinkStore, type UploadPurpose } from "./link-store.ts";

let paths: Paths;
let files: Files;
/** The next agent, with the same folders. */
let restart: () => Promise<void>;
let links: LinkStore;
let release: () => void;
let archive: Buffer;
/** What a data set that is to be replaced is asked for: whether a run uses it. */
let inUse: () => Promise<undefined>;
let patienceMs: number;

beforeEach(async () => {
  paths = pathsOf({ data: await mkdtemp(join(tmpdir(), "long-unpacking-")) });
  await createFolders(paths);
  links = new LinkStore(paths.links, "a-machine");
  const turns = new Turns();
  const options: FilesOptions = {
    paths,
    hashes: { known: async () => undefined, sha256: async () => "" } as never, // of downloads
    links: () => links,
    jobOf: () => undefined,
    trash: new Trash(paths.trash),
    inUse: { userOf: () => inUse() } as never,
    turns,
    self: await identify(process.pid),
    onBug: (error) => {
      throw error;
    },
    get patienceMs() {
      return patienceMs;
    },
  };
  files = new Files(options);
  restart = async () => {
    await files.close();
    files = new Files(options);
  };
  inUse = async () => undefined;
  patienceMs = 10;
  archive = zip([{ name: "a.jpg", data: await readFile(picturePath("img1.jpg")) }]);
  const held = Promise.withResolvers<void>();
  void turns.take(turnOf("cats"), new AbortController().signal, () => held.promise);
  release = held.resolve;
});
afterEach(async () => {
  release();
  await files.close();
  links[Symbol.dispose]();
  await rm(paths.root, { recursive: true, force: true });
});

function linkTo(dataset: string, on_conflict: UploadPurpose["on_conflict"] = "refuse") {
  const purpose = { way: "upload", kind: "dataset", dataset, on_conflict } as const;
  const url = `http://agent${links.create(purpose, 60_000, undefined).path}`;
  return async (
    method: string,
    body?: Buffer | FormData,
    headers: Record<string, string> = {},
    signal = new AbortController().signal,
  ) => {
    const length: Record<string, string> =
      method === "PUT" && Buffer.isBuffer(body) ? { "content-length": String(body.length) } : {};
    const bytes = Buffer.isBuffer(body) ? new Uint8Array(body) : body;
    const init = { method, headers: { ...length, ...headers }, signal, ...(bytes && { body: bytes }) };
    const answer = await files.handle(new Request(url, init));
    const text = await answer.text();
    return {
      status: answer.status,
      offset: answer.headers.get("upload-offset"),
      retryAfter: answer.headers.get("retry-after"),
      json: text.startsWith("{") ? JSON.parse(text) : text,
    };
  };
}

test("a client hears in time that it goes on, may ask as often as it likes, and hears how it ended", async () => {
  const send = linkTo("cats");
  const end = String(archive.length);
  expect(await send("PUT", archive)).toMatchObject({
    status: 202,
    json: { unpacking: true, dataset: "cats", hint: expect.stringContaining("GET") },
  });
  expect(await send("GET")).toMatchObject({ json: { unpacking: true, outcome: null } });
  expect(await send("HEAD")).toMatchObject({ status: 200, offset: end });
  expect((await send("GET", undefined, { accept: "text/html" })).json).toContain("is being unpacked");
  // As the page and curl_resume ask: by a part without bytes at the end.
  expect(await send("PATCH", Buffer.of(), { "upload-offset": end })).toMatchObject({ status: 202 });
  expect(await send("PATCH", Buffer.of(), { "upload-offset": end, "tus-resumable": "1.0.0" })).toMatchObject({
    status: 204,
    offset: end,
  });
  // The same line of curl once more: nothing is sent twice, and nothing begins anew.
  expect(await send("PUT", archive)).toMatchObject({ status: 202 });
  release();
  await vi.waitFor(async () => expect((await send("GET")).json).toMatchObject({ unpacking: false }), 20_000);
  const ended = { success: true, files_saved: 1 };
  expect(await send("GET")).toMatchObject({ json: { outcome: ended } });
  expect(await send("PATCH", Buffer.of(), { "upload-offset": end })).toMatchObject({
    status: 200,
    json: ended,
  });
  expect(await send("PUT", archive)).toMatchObject({ status: 200, json: ended });
  const other = Buffer.concat([archive, Buffer.alloc(1)]);
  expect(await send("PUT", other)).toMatchObject({ status: 409, json: { code: "conflict" } });
  expect(await readdir(paths.datasets)).toEqual(["cats"]);
});

test("a failure that nobody waited for is told to who asks next, once", async () => {
  const [send, quicker] = [linkTo("cats"), linkTo("cats")];
  const end = String(archive.length);
  expect(await send("PUT", archive)).toMatchObject({ status: 202 });
  expect(await quicker("PUT", archive)).toMatchObject({ status: 202 });
  release();
  await vi.waitFor(
    async () => expect((await quicker("GET")).json).toMatchObject({ unpacking: false }),
    20_000,
  );
  const failed = { success: false, code: "conflict", error: expect.stringContaining("exists") };
  expect(await quicker("GET")).toMatchObject({ json: { outcome: failed } });
  expect((await quicker("GET", undefined, { accept: "text/html" })).json).toContain("Nothing was taken");
  expect(await quicker("HEAD")).toMatchObject({ offset: end });
  expect(await quicker("PATCH", Buffer.of(), { "upload-offset": end })).toMatchObject({
    status: 409,
    json: failed,
  });
  expect(await quicker("GET")).toMatchObject({ json: { outcome: null, received: 0 } });
  expect((await send("GET")).json).toMatchObject({ outcome: { success: true } });
});

test("a failure that its client did not stay to hear is told to who asks next", async () => {
  patienceMs = 60_000;
  const send = linkTo("cats");
  const leaving = new AbortController();
  const sent = send("PUT", archive, {}, leaving.signal);
  await vi.waitFor(async () => expect((await send("GET")).json).toMatchObject({ unpacking: true }), 20_000);
  leaving.abort();
  await mkdir(join(paths.datasets, "cats"));
  release();
  await sent;
  expect((await send("GET")).json).toMatchObject({ outcome: { success: false, code: "conflict" } });
});

test("who would begin anew meanwhile is told at once to wait, and may when it has ended", async () => {
  const send = linkTo("cats", "append");
  const end = String(archive.length);
  expect(await send("PUT", archive)).toMatchObject({ status: 202 });
  const other = zip([
    { name: "b.jpg", data: await readFile(picturePath("img1.jpg")) },
    { name: "b.txt", data: "b" },
  ]);
  const form = () => {
    const data = new FormData();
    data.append("file", new File(["a cat"], "cat.txt"));
    return data;
  };
  const wait = {
    status: 423,
    retryAfter: "10",
    json: { code: "busy", hint: expect.stringContaining("GET") },
  };
  expect(await send("PUT", other)).toMatchObject(wait);
  expect(await send("PUT", archive)).toMatchObject(wait); // it may add it once more
  expect(await send("POST", undefined, { "upload-length": "9" })).toMatchObject(wait);
  expect(await send("POST", form())).toMatchObject(wait);
  expect(
    await send("PATCH", other, { "upload-offset": "0", "upload-length": String(other.length) }),
  ).toMatchObject(wait);
  // The printed line with another archive: the end of what is here is not the end of that.
  const elsewhere = { "upload-offset": end, "upload-length": String(other.length) };
  expect(await send("PATCH", Buffer.of(), elsewhere)).toMatchObject(wait);
  const page = await send("POST", form(), { accept: "text/html" });
  expect([page.status, page.json]).toEqual([423, expect.stringContaining("still being unpacked")]);
  expect(await send("PATCH", Buffer.of(1), { "upload-offset": "1" })).toMatchObject({
    status: 409,
    json: { error: expect.stringContaining(`at byte ${end}`) },
  });
  release();
  await vi.waitFor(
    async () => expect((await send("GET")).json).toMatchObject({ outcome: { files_saved: 1 } }),
    20_000,
  );
  patienceMs = 60_000;
  expect(await send("PUT", other)).toMatchObject({
    status: 200,
    json: { files_saved: 1, captions_saved: 1 },
  });
  expect((await readdir(join(paths.datasets, "cats"))).sort()).toEqual(["a.jpg", "b.jpg", "b.txt"]);
});

test("what is deleted while it is unpacked is given up, and who waits for it hears that", async () => {
  patienceMs = 60_000;
  const send = linkTo("cats");
  const sent = send("PUT", archive);
  await vi.waitFor(async () => expect((await send("GET")).json).toMatchObject({ unpacking: true }), 20_000);
  expect(await send("DELETE")).toMatchObject({ status: 204 });
  expect(await sent).toMatchObject({ status: 409, json: { error: expect.stringContaining("deleted") } });
  expect((await send("GET")).json).toMatchObject({
    unpacking: false,
    received: 0,
    length: null,
    outcome: null,
  });
  release();
  expect(await readdir(paths.datasets)).toEqual([]);
  expect(await send("PUT", archive)).toMatchObject({ status: 200 });
});

test("what is deleted too late is made, and whoever deletes it hears that", async () => {
  release();
  patienceMs = 60_000;
  expect(await linkTo("cats")("PUT", archive)).toMatchObject({ status: 200 });
  patienceMs = 10;
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()];
  inUse = () => {
    asked.resolve();
    return held.promise;
  };
  const send = linkTo("cats", "replace");
  expect(await send("PUT", archive)).toMatchObject({ status: 202 });
  await asked.promise;
  expect(await send("DELETE")).toMatchObject({
    status: 202,
    json: { hint: expect.stringContaining("GET") },
  });
  patienceMs = 60_000;
  const deleted = send("DELETE");
  held.resolve(undefined);
  expect(await deleted).toMatchObject({
    status: 409,
    json: { error: expect.stringContaining("cats"), hint: expect.stringContaining("delete_dataset") },
  });
  expect((await send("GET")).json).toMatchObject({ unpacking: false, outcome: { success: true } });
});

test("an agent that is asked to end is not one that the archive has ended", async () => {
  const send = linkTo("cats");
  expect(await send("PUT", archive)).toMatchObject({ status: 202 });
  for (let count = 0; count < 4; count++) {
    await restart();
    expect((await send("GET")).json).toMatchObject({ unpacking: true, outcome: null });
  }
  release();
  await vi.waitFor(
    async () =>
      expect((await send("GET")).json).toMatchObject({ outcome: { success: true, files_saved: 1 } }),
    20_000,
  );
});

test("a disk that takes long to have all bytes keeps nobody waiting, either", async () => {
  release();
  const handle = await open(join(paths.root, "x"), "w");
  onTestFinished(() => handle.close());
  const synced = Promise.withResolvers<void>();
  const sync = vi
    .spyOn(Object.getPrototypeOf(handle) as FileHandle, "sync")
    .mockImplementation(async function (this: FileHandle) {
      if ((await readlink(`/proc/self/fd/${this.fd}`)).endsWith("/body")) await synced.promise;
    });
  onTestFinished(() => sync.mockRestore());
  const send = linkTo("cats");
  expect(await send("PUT", archive)).toMatchObject({ status: 202 });
  synced.resolve();
  await vi.waitFor(
    async () => expect((await send("GET")).json).toMatchObject({ outcome: { success: true } }),
    20_000,
  );
});
