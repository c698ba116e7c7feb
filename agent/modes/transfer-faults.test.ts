// What a bad network, dead processes and dishonest machines do to transfers, with real processes.
import { once } from "node:events";
import { mkdir, open, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { uploadResumeLine } from "../../shared/file-links.ts";
import { VERSIONS } from "../../shared/protocol.ts";
import { fileRequest } from "../../shared/tools/transfers.ts";
import { zip } from "../testing/archives.ts";
import type { Json } from "../testing/caller.ts";
import { shell } from "../testing/curl.ts";
import { type Death, dyingAt } from "../testing/die-at.ts";
import { putModel, randomBytes, sha256 } from "../testing/downloads.suite.ts";
import { type Network, startNetwork } from "../testing/network.ts";
import { type Program, startProgram } from "../testing/program.ts";
import {
  AGENT_TOKEN,
  CLIENT_TOKEN,
  connected,
  startAgent,
  startRouted,
  startRouter,
} from "../testing/routed.ts";
import { scratch } from "../testing/scratch.ts";
import { type Subject, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 120_000 });

const MIB = 1024 * 1024;

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});
function closing<T extends { close(): Promise<void> }>(each: T): T {
  opened.push(each);
  return each;
}

interface Routed extends Subject {
  readonly router: Program;
  readonly network: Network;
  readonly agent: Program;
}

async function throughNetwork(): Promise<Routed> {
  const router = closing(await startRouter());
  const network = closing(await startNetwork(router.url));
  const agent = closing(await startAgent(network.url, "box", { args: ["--heartbeat", "1"] }));
  await connected(agent);
  return { ...subjectOf({ url: router.url, token: CLIENT_TOKEN, data: agent.data }), router, network, agent };
}

/** Reads on until so much has arrived, then lets the stream be. @returns what came */
async function readSome(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  bytes: number,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let arrived = 0; arrived < bytes; ) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
    arrived += value.length;
  }
  return chunks;
}

test("a download that is cut three times is never taken for whole, and goes on at the byte each time", async () => {
  const { call, network, agent, ...subject } = await throughNetwork();
  const file = randomBytes(72 * MIB);
  await putModel({ call, ...subject }, "big", file);
  const { url, curl, sha256: told } = await call("create_download_link", { kind: "model", name: "big" });
  const folder = await scratch();
  const target = await open(join(folder, "big.safetensors"), "w");
  let arrived = 0;
  let etag = "";
  for (let cut = 1; cut <= 3; cut++) {
    const headers: Record<string, string> =
      arrived > 0 ? { range: `bytes=${arrived}-`, "if-range": etag } : {};
    const response = await fetch(String(url), { headers });
    expect(response.status).toBe(arrived > 0 ? 206 : 200);
    etag = response.headers.get("etag") ?? "";
    const reader = response.body?.getReader();
    if (!reader) throw new Error("no body");
    const chunks = await readSome(reader, 15 * MIB);
    await network.weather("cut");
    // What was under way still comes; then the line breaks, it does not end.
    const broken = (async () => {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return "whole";
        chunks.push(value);
      }
    })();
    await expect(broken).rejects.toThrow();
    for (const chunk of chunks) arrived += (await target.write(chunk)).bytesWritten;
    expect(arrived).toBeLessThan(file.length);
    await connected(agent, cut + 1);
  }
  await target.close();
  const { code, stderr } = await shell(String(curl), folder);
  expect(code, stderr).toBe(0);
  const whole = sha256(await readFile(join(folder, "big.safetensors")));
  expect([whole, told]).toEqual([sha256(file), sha256(file)]);
});

test("a router that is killed breaks the download; started again, it goes on with the same link", async () => {
  const router = closing(await startRouter());
  const port = Number(new URL(router.url).port);
  const agent = closing(await startAgent(router.url, "box"));
  await connected(agent);
  const subject = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: agent.data });
  const file = randomBytes(48 * MIB);
  await putModel(subject, "big", file);
  const { url, curl } = await subject.call("create_download_link", { kind: "model", name: "big" });
  const response = await fetch(String(url));
  const reader = response.body?.getReader();
  if (!reader) throw new Error("no body");
  const chunks = await readSome(reader, 10 * MIB);
  await router.kill9();
  await expect(readSome(reader, file.length)).rejects.toThrow();
  const folder = await scratch();
  await writeFile(join(folder, "big.safetensors"), Buffer.concat(chunks));
  closing(await startRouter({ port, data: router.data }));
  await connected(agent, 2);
  expect((await shell(String(curl), folder)).code).toBe(0);
  expect(sha256(await readFile(join(folder, "big.safetensors")))).toBe(sha256(file));
});

test("a file that becomes shorter while it is sent breaks the download", async () => {
  const { call, ...subject } = await throughNetwork();
  const path = await putModel({ call, ...subject }, "big", randomBytes(64 * MIB));
  const { url } = await call("create_download_link", { kind: "model", name: "big" });
  const response = await fetch(String(url));
  const reader = response.body?.getReader();
  if (!reader) throw new Error("no body");
  await readSome(reader, MIB);
  await writeFile(path, "short");
  await expect(readSome(reader, 64 * MIB)).rejects.toThrow();
});

test("while the machine is away its links say so, and work again when it is back", async () => {
  const { call, network, agent, ...subject } = await throughNetwork();
  await putModel({ call, ...subject }, "small", randomBytes(MIB));
  const { url } = await call("create_download_link", { kind: "model", name: "small" });
  await network.weather("down");
  await vi.waitFor(
    async () => {
      const response = await fetch(String(url));
      expect([response.status, await response.json()]).toMatchObject([503, { code: "agent_offline" }]);
    },
    { timeout: 20_000, interval: 100 },
  );
  await network.weather("fair");
  await connected(agent, 2);
  expect((await fetch(String(url))).status).toBe(200);
});

test("an upload by the printed line in parts outlives three cuts, a killed agent and a killed router", async () => {
  const { call, network, router, ...subject } = await throughNetwork();
  const film = randomBytes(96 * MIB);
  const folder = await scratch();
  await writeFile(join(folder, "films.zip"), zip([{ name: "film.mp4", data: film }]));
  const { url, curl_resume } = await call("create_upload_link", { name: "films" });
  const uploading = shell(String(curl_resume), folder);
  const arrived = async () => {
    const response = await fetch(String(url)).catch(() => undefined); // nobody there this moment
    return response?.status === 200 ? Number((await response.json())["received"]) : 0;
  };
  const reach = (bytes: number) =>
    vi.waitFor(async () => expect(await arrived()).toBeGreaterThanOrEqual(bytes), {
      timeout: 60_000,
      interval: 10,
    });
  for (let cut = 1; cut <= 3; cut++) {
    await reach(cut * 8 * MIB);
    await network.weather("cut");
  }
  await reach(40 * MIB);
  await subject.agent.kill9();
  closing(await startAgent(network.url, "box", { data: subject.agent.data, args: ["--heartbeat", "1"] }));
  await reach(60 * MIB);
  await router.kill9();
  closing(await startRouter({ port: Number(new URL(router.url).port), data: router.data }));
  const { code, stdout, stderr } = await uploading;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout.slice(stdout.indexOf("{")))).toMatchObject({ success: true, files_saved: 1 });
  expect(sha256(await readFile(join(subject.paths.datasets, "films", "film.mp4")))).toBe(sha256(film));
});

/** A client's way to a server, of which the first connections come to nothing. */
async function badWay(url: string, broken: number): Promise<{ url: string; upBytes(): number }> {
  let [connections, upBytes] = [0, 0];
  const server = createServer((near) => {
    near.on("error", () => {});
    if (connections++ < broken) {
      near.once("data", () => near.resetAndDestroy());
      return;
    }
    const far = connect(Number(new URL(url).port), "127.0.0.1");
    near.on("data", (bytes) => {
      upBytes += bytes.length;
    });
    near.pipe(far).pipe(near);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    upBytes: () => upBytes,
  };
}

test.each(["to the agent itself", "through a router"])(
  "%s: a client that leaves in the middle of its upload is no bug, and what came is kept",
  async (way) => {
    const isRouted = way === "through a router";
    const { url, agent, ...server } = isRouted
      ? await startRouted()
      : await startProgram().then((program) => ({ ...program, agent: program }));
    onTestFinished(() => server.close());
    const { url: link } = await subjectOf({ ...server, url }).call("create_upload_link", { name: "left" });
    const at = new URL(String(link));
    const client = connect(Number(at.port), at.hostname);
    const head = ["Upload-Offset: 0", "Upload-Length: 99", "Content-Length: 99"];
    client.write([`PATCH ${at.pathname} HTTP/1.1`, `Host: ${at.host}`, ...head, "", "some"].join("\r\n"));
    const received = async () => expect(await (await fetch(at)).json()).toMatchObject({ received: 4 });
    await vi.waitFor(received, { timeout: 20_000, interval: 25 });
    client.destroy();
    expect((await fetch(at, { method: "HEAD" })).headers.get("upload-offset")).toBe("4");
    // Answered when the request before has come to its end.
    expect((await fetch(at, { method: "DELETE" })).status).toBe(204);
    expect(agent.log()).not.toContain("a transfer failed");
  },
);

test("the printed line in parts does not begin anew when nobody answers how far it is", async () => {
  const agent = closing(await startProgram());
  const { call, paths } = subjectOf(agent);
  const archive = zip([{ name: "film.mp4", data: randomBytes(4 * MIB) }]);
  const folder = await scratch();
  await writeFile(join(folder, "films.zip"), archive);
  const { url, curl_resume } = await call("create_upload_link", { name: "films" });
  const half = await fetch(String(url), {
    method: "PATCH",
    headers: { "upload-offset": "0", "upload-length": String(archive.length) },
    body: new Uint8Array(archive.subarray(0, 3 * MIB)),
  });
  expect(half.status).toBe(204);
  const way = await badWay(agent.url, 1);
  const { code, stdout, stderr } = await shell(String(curl_resume).replaceAll(agent.url, way.url), folder);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ success: true });
  expect(way.upBytes()).toBeLessThan(2 * MIB);
  const film = await readFile(join(paths.datasets, "films", "film.mp4"));
  expect(sha256(film)).toBe(sha256(randomBytes(4 * MIB)));
});

/** A server that answers a link's HEAD with these offsets, one after the other, and parts with these answers. */
async function scripted(offsets: readonly number[], answers: readonly [number, string][]) {
  const parts: { readonly at: string | undefined; readonly body: string }[] = [];
  let asked = 0;
  const server = createHttpServer(async (request, response) => {
    if (request.method === "HEAD") {
      response.setHeader("Upload-Offset", String(offsets[asked++]));
      return void response.end();
    }
    const body = await text(request);
    const [status = 500, said] = answers[parts.length] ?? [];
    parts.push({ at: request.headers["upload-offset"]?.toString(), body });
    response.writeHead(status).end(said);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/x`, parts };
}

test("the printed line in parts asks again when bytes came late by a line that was cut, and ends when it is refused", async () => {
  const folder = await scratch();
  await writeFile(join(folder, "a.zip"), "0123456789");
  const late = await scripted(
    [3, 5, 5],
    [
      [409, "stands at 5"],
      [200, "done"],
    ],
  );
  const went = await shell(uploadResumeLine(late.url, "a.zip"), folder);
  expect(went).toMatchObject({ code: 0, stdout: "done\n" });
  expect(late.parts).toEqual([
    { at: "3", body: "3456789" },
    { at: "5", body: "56789" },
  ]);
  const refusing = await scripted([3, 3], [[409, "it exists"]]);
  const refused = await shell(uploadResumeLine(refusing.url, "a.zip"), folder);
  expect(refused).toMatchObject({ code: 1, stdout: "it exists\n" });
});

test("the printed line in parts waits while an upload before it is unpacked", async () => {
  const folder = await scratch();
  await writeFile(join(folder, "a.zip"), "0123456789");
  const offsets = [20, 20, 0, 0];
  const busy = await scripted(offsets, [
    [423, "is unpacked"],
    [409, "stands at 0"],
    [200, "done"],
  ]);
  const went = await shell(uploadResumeLine(busy.url, "a.zip"), folder);
  expect(went).toMatchObject({ code: 0, stdout: "done\n" });
  expect(busy.parts).toEqual([
    { at: "20", body: "" },
    { at: "20", body: "" },
    { at: "0", body: "0123456789" },
  ]);
});

test("the printed line in parts ends with the words of a link that no longer works", async () => {
  const agent = closing(await startProgram());
  const { call } = subjectOf(agent);
  const folder = await scratch();
  await writeFile(join(folder, "films.zip"), zip([{ name: "film.mp4", data: randomBytes(MIB) }]));
  const { link_id, curl_resume } = await call("create_upload_link", { name: "films" });
  await call("revoke_link", { link_id });
  const { code, stdout, stderr } = await shell(String(curl_resume), folder);
  expect(JSON.parse(stdout)).toMatchObject({ success: false, code: "not_found" });
  expect(code, stderr).not.toBe(0);
});

/** An agent that is killed at this point of an upload of one archive, and what the next one makes of it. */
async function killedAt(death: Death, dataset: string, more: object = {}) {
  const agent = closing(await startProgram({ env: dyingAt(death) }));
  const { call, paths } = subjectOf(agent);
  const link = await call("create_upload_link", { name: dataset, ...more });
  const { pathname } = new URL(String(link["url"]));
  const send = (base: string, bytes: Buffer) =>
    fetch(`${base}${pathname}/x.zip`, { method: "PUT", body: new Uint8Array(bytes) });
  return {
    paths,
    /** Sends it, and does not live to say so. */
    async dies(bytes: Buffer) {
      await expect(send(agent.url, bytes)).rejects.toThrow();
      expect(await agent.exited).toBe("SIGKILL");
    },
    async next() {
      const again = closing(await startProgram({ data: agent.data }));
      const subject = subjectOf({ ...again, data: agent.data });
      return {
        subject,
        send: (bytes: Buffer) => send(again.url, bytes),
        told: async () => (await (await fetch(again.url + pathname)).json()) as Json,
        filesOf: async () => (await readdir(join(paths.datasets, dataset)).catch(() => [])).sort(),
      };
    },
  };
}

test("what was whole when the agent was killed is unpacked by the next one, although nobody had begun to", async () => {
  // The note of who unpacks it is the first thing that is done with it.
  const unpacks = { when: "before", call: "writeFile", with: /info\.json\.new .*"tree":\{/ } as const;
  const { dies, next, paths } = await killedAt(unpacks, "films");
  const film = randomBytes(MIB);
  const archive = zip([{ name: "film.mp4", data: film }]);
  await dies(archive);
  const { filesOf, told } = await next();
  await vi.waitFor(async () => expect(await filesOf()).toEqual(["film.mp4"]), { timeout: 20_000 });
  await vi.waitFor(async () => expect(await told()).toMatchObject({ outcome: { files_saved: 1 } }), 20_000);
  expect(await readFile(join(paths.datasets, "films", "film.mp4"))).toEqual(film);
});

const NAMED = /\/\.partial-\S+ \S+\/films$/;
test.each<[string, Death]>([
  ["right after its data set got its name", { when: "after", call: "rename", with: NAMED }],
  [
    "right before it was noted how it ended",
    { when: "before", call: "writeFile", with: /info\.json\.new .*"outcome":\{/ },
  ],
])("an agent that is killed %s knows afterwards that this upload made it", async (_when, death) => {
  const { dies, next } = await killedAt(death, "films");
  const archive = zip([{ name: "film.mp4", data: randomBytes(1_000) }]);
  await dies(archive);
  const { send, told, filesOf, subject } = await next();
  const made = { success: true, dataset: "films", files_saved: 1 };
  const again = await send(archive);
  expect([again.status, await again.json()]).toMatchObject([200, made]);
  expect(await told()).toMatchObject({ unpacking: false, outcome: made });
  expect(await filesOf()).toEqual(["film.mp4"]);
  expect(await readdir(subject.paths.datasets)).toEqual(["films"]);
});

test("an agent that is killed while it adds files to a data set knows afterwards which it had added", async () => {
  const added = { when: "after", call: "link", with: /\/\.partial-\S+ \S+\/b\.mp4$/ } as const;
  const { dies, next, paths } = await killedAt(added, "films", { on_conflict: "append" });
  await mkdir(join(paths.datasets, "films"));
  await writeFile(join(paths.datasets, "films", "a.mp4"), "another");
  await dies(zip(["a", "b", "c"].map((name) => ({ name: `${name}.mp4`, data: randomBytes(1_000) }))));
  // What lies there longer is removed, unless an upload goes on with it.
  const [tree = ""] = (await readdir(paths.datasets)).filter((each) => each.startsWith(".partial-"));
  const old = new Date(Date.now() - 2 * 60 * 60 * 1000);
  await utimes(join(paths.datasets, tree), old, old);
  const { told, filesOf } = await next();
  await vi.waitFor(
    async () =>
      expect(await told()).toMatchObject({
        outcome: { files_saved: 2, failed: [{ file: "a.mp4", reason: "it exists" }] },
      }),
    { timeout: 20_000 },
  );
  expect(await filesOf()).toEqual(["a.mp4", "b.mp4", "c.mp4"]);
  expect(await readFile(join(paths.datasets, "films", "a.mp4"), "utf8")).toBe("another");
  expect(await readdir(paths.datasets)).toEqual(["films"]);
});

test.each(["before", "after"] as const)(
  "an agent that is killed right %s a new data set takes the place of an old one tells where that is",
  async (when) => {
    const death = { when, call: "rename", with: NAMED } as const;
    const { dies, next, paths } = await killedAt(death, "films", { on_conflict: "replace" });
    await mkdir(join(paths.datasets, "films"));
    await writeFile(join(paths.datasets, "films", "old.mp4"), "old");
    await dies(zip([{ name: "new.mp4", data: randomBytes(1_000) }]));
    const { told, filesOf, subject } = await next();
    const outcome = async () => (await told())["outcome"] as Json | null;
    await vi.waitFor(async () => expect(await outcome()).toMatchObject({ files_saved: 1 }), {
      timeout: 20_000,
    });
    expect(await filesOf()).toEqual(["new.mp4"]);
    const trash_id = (await outcome())?.["replaced_trash_id"];
    await subject.call("delete_dataset", { name: "films" });
    await subject.call("restore_deleted", { trash_id });
    expect(await filesOf()).toEqual(["old.mp4"]);
  },
);

test("what a crash left half unpacked is gone when the agent is back, and what had arrived is not", async () => {
  const agent = await startProgram();
  onTestFinished(() => agent.close());
  const subject = subjectOf(agent);
  const archive = zip([{ name: "film.mp4", data: randomBytes(2 * MIB) }]);
  const { url, link_id } = await subject.call("create_upload_link", { name: "films" });
  const patch = (base: string, from: number, to: number) =>
    fetch(base + new URL(String(url)).pathname, {
      method: "PATCH",
      headers: { "upload-offset": String(from), "upload-length": String(archive.length) },
      body: new Uint8Array(archive.subarray(from, to)),
    });
  expect((await patch(agent.url, 0, MIB)).status).toBe(204);
  const { datasets, staging } = subject.paths;
  await mkdir(join(datasets, ".partial-half"));
  await writeFile(join(datasets, ".partial-half", "film.mp4"), "half");
  const infoPath = join(staging, String(link_id), "info.json");
  const info = JSON.parse(await readFile(infoPath, "utf8"));
  await writeFile(infoPath, JSON.stringify({ ...info, tree: { name: ".partial-half" } }));
  await mkdir(join(staging, "nobodyslink1"));
  await agent.kill9();
  const again = await startProgram({ data: agent.data });
  onTestFinished(() => again.close());
  await vi.waitFor(
    async () => {
      expect(await readdir(datasets)).toEqual([]);
      expect(await readdir(staging)).toEqual([link_id]);
    },
    { timeout: 20_000 },
  );
  const rest = await patch(again.url, MIB, archive.length);
  expect([rest.status, await rest.json()]).toMatchObject([200, { files_saved: 1 }]);
});

test("a part whose checksum nobody could compare before the agent went down is sent again, whole", async () => {
  const agent = closing(await startProgram());
  const { call, paths } = subjectOf(agent);
  const film = randomBytes(2 * MIB);
  const archive = zip([{ name: "film.mp4", data: film }]);
  const { url, link_id } = await call("create_upload_link", { name: "films" });
  const at = new URL(String(url));
  const checksum = Buffer.from(sha256(archive), "hex").toString("base64");
  const part = {
    "upload-offset": "0",
    "upload-length": String(archive.length),
    "upload-checksum": `sha256 ${checksum}`,
  };
  const client = connect(Number(at.port), at.hostname).on("error", () => {});
  const head = Object.entries({ ...part, host: at.host, "content-length": archive.length });
  client.write(
    `PATCH ${at.pathname} HTTP/1.1\r\n${head.map((each) => each.join(": ")).join("\r\n")}\r\n\r\n`,
  );
  client.write("not these bytes");
  const body = join(paths.staging, String(link_id), "body");
  await vi.waitFor(async () => expect((await stat(body)).size).toBeGreaterThan(0), 20_000);
  await agent.kill9();
  const again = closing(await startProgram({ data: agent.data }));
  const link = again.url + at.pathname;
  expect((await fetch(link, { method: "HEAD" })).headers.get("upload-offset")).toBe("0");
  const rest = await fetch(link, { method: "PATCH", headers: part, body: new Uint8Array(archive) });
  expect([rest.status, await rest.json()]).toMatchObject([200, { files_saved: 1 }]);
  expect(await readFile(join(paths.datasets, "films", "film.mp4"))).toEqual(film);
});

test("what was whole when the agent went down is unpacked when it is back, unasked", async () => {
  const agent = await startProgram();
  onTestFinished(() => agent.close());
  const subject = subjectOf(agent);
  const { datasets, staging } = subject.paths;
  const by = { pid: agent.pid, startTicks: 1, bootId: "another boot" };
  const begun = async (name: string, tree: object, files: Record<string, Buffer>) => {
    const link = await subject.call("create_upload_link", { name });
    const folder = join(staging, String(link["link_id"]));
    await mkdir(folder);
    for (const [file, bytes] of Object.entries(files)) await writeFile(join(folder, file), bytes);
    const info = { length: null, name: "", sha256: null, outcome: null, by, tree };
    await writeFile(join(folder, "info.json"), JSON.stringify(info));
    return async () => (await fetch(again.url + new URL(String(link["url"])).pathname)).json();
  };
  const film = randomBytes(1_000);
  const sent = await begun("sent", { name: ".partial-a" }, { body: zip([{ name: "film.mp4", data: film }]) });
  const files = [{ file: "form-1", name: "film.mp4" }];
  const form = await begun("form", { name: ".partial-b", files }, { "form-1": film });
  const deadly = await begun("deadly", { name: ".partial-d", tries: 3 }, { body: film });
  const damaged = await begun("damaged", { name: ".partial-c" }, { body: Buffer.from("PK\x03\x04") });
  await agent.kill9();
  const again = await startProgram({ data: agent.data });
  onTestFinished(() => again.close());
  await vi.waitFor(
    async () => {
      expect(await sent()).toMatchObject({ unpacking: false, outcome: { success: true, files_saved: 1 } });
      expect(await form()).toMatchObject({ unpacking: false, outcome: { success: true, files_saved: 1 } });
      expect(await damaged()).toMatchObject({ unpacking: false, outcome: { success: false } });
      expect(await deadly()).toMatchObject({ outcome: { error: expect.stringContaining("ended 3 times") } });
    },
    { timeout: 20_000 },
  );
  expect((await readdir(datasets)).sort()).toEqual(["form", "sent"]);
  expect(await readFile(join(datasets, "form", "film.mp4"))).toEqual(film);
});

/** A machine of its own that says hello by hand, and answers each file request as it is told. */
async function dishonest(
  router: Program,
  answer: (input: Record<string, unknown>) => unknown,
): Promise<WebSocket> {
  const address = `${router.url.replace("http:", "ws:")}/agent`;
  const socket = new WebSocket(address, { headers: { authorization: `Bearer ${AGENT_TOKEN}` } });
  await once(socket, "open");
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data));
    if (frame.t !== "call" || frame.tool !== fileRequest.name) return;
    send({ t: "result", id: frame.id, output: answer(frame.input) });
  });
  send({
    t: "hello",
    versions: VERSIONS,
    name: "evil",
    machine_id: "evilevil",
    instance: "1",
    agent_version: "0",
    tools: [],
    limits: { frame_bytes: 1_000_000, open_calls: 10 },
    heartbeat_ms: 60_000,
  });
  await once(socket, "message");
  return socket;
}

const EVIL_LINK = `/files/evilevil${"A".repeat(34)}`;

test("what a machine answers is no page, sets no cookie, and has the length it promised", async () => {
  const router = closing(await startRouter());
  await dishonest(router, ({ transfer }) => {
    const socket = new WebSocket(`${router.url.replace("http:", "ws:")}/agent/transfer/${transfer}`, {
      headers: { authorization: `Bearer ${AGENT_TOKEN}` },
    });
    socket.once("open", () => {
      const headers = [
        ["content-length", "1000"],
        ["content-type", "text/html"],
        ["set-cookie", "a=b"],
        ["content-security-policy", "script-src *"],
      ];
      socket.send(JSON.stringify({ t: "head", status: 200, headers }));
      socket.send(Buffer.alloc(10));
      socket.send('{"t":"end"}');
    });
    return {};
  });
  const response = await fetch(router.url + EVIL_LINK);
  expect(response.headers.get("set-cookie")).toBeNull();
  expect(response.headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
  await expect(response.arrayBuffer()).rejects.toThrow();
});

test("nobody dials for a transfer without a credential, or with an id that is not waited for", async () => {
  const router = closing(await startRouter());
  const status = async (id: string, token: string) => {
    const socket = new WebSocket(`${router.url.replace("http:", "ws:")}/agent/transfer/${id}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    socket.on("error", () => {});
    const [, response] = await once(socket, "unexpected-response");
    socket.terminate();
    return response.statusCode;
  };
  expect(await status("A".repeat(32), AGENT_TOKEN)).toBe(404);
  expect(await status("A".repeat(32), "wrong")).toBe(401);
});
