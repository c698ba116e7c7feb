// Unpacking that takes longer than anything on the way waits for an answer. What makes it last is real: another change of the
// same data set, whose turn is not over.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Trash } from "../files/trash.ts";
import { createFolders, type Paths, pathsOf } from "../paths.ts";
import { zip } from "../testing/archives.ts";
import { picturePath } from "../testing/subject.ts";
import { Turns, turnOf } from "../tools/datasets/turns.ts";
import { identify } from "../tools/training/process.ts";
import { Files } from "./files.ts";
import { LinkStore } from "./link-store.ts";

let paths: Paths;
let files: Files;
let links: LinkStore;
let release: () => void;
let archive: Buffer;

beforeEach(async () => {
  paths = pathsOf({ data: await mkdtemp(join(tmpdir(), "long-unpacking-")) });
  await createFolders(paths);
  links = new LinkStore(paths.links, "a-machine");
  const turns = new Turns();
  files = new Files({
    paths,
    hashes: { known: async () => undefined, sha256: async () => "" } as never, // of downloads
    links: () => links,
    jobOf: () => undefined,
    trash: new Trash(paths.trash),
    inUse: { folder: async () => undefined } as never, // nothing is replaced here
    turns,
    self: () => identify(process.pid),
    onBug: (error) => {
      throw error;
    },
    patienceMs: 10,
  });
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

function linkTo(dataset: string) {
  const purpose = { way: "upload", kind: "dataset", dataset, on_conflict: "refuse" } as const;
  const url = `http://agent${links.create(purpose, 60_000).path}`;
  return async (method: string, body?: Buffer, headers: Record<string, string> = {}) => {
    const length: Record<string, string> = method === "PUT" ? { "content-length": String(body?.length) } : {};
    const init = { method, headers: { ...length, ...headers }, ...(body && { body: new Uint8Array(body) }) };
    const answer = await files.handle(new Request(url, init));
    const text = await answer.text();
    return {
      status: answer.status,
      offset: answer.headers.get("upload-offset"),
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
  await vi.waitFor(async () => expect((await send("GET")).json).toMatchObject({ unpacking: false }));
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
  await vi.waitFor(async () => expect((await quicker("GET")).json).toMatchObject({ unpacking: false }));
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
