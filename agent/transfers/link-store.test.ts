import { randomUUID } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseLinkPath } from "../../shared/file-links.ts";
import { LinkStore } from "./link-store.ts";

const purpose = { way: "download", kind: "model", name: "cats" } as const;
const machineId = randomUUID();
let folder: string;
let path: string;
let store: LinkStore;
let now = Date.parse("2026-11-29T10:00:00Z");

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "aitk-links-"));
  path = join(folder, "links.db");
  store = new LinkStore(path, machineId, () => now);
});
afterEach(async () => {
  store[Symbol.dispose]();
  await rm(folder, { recursive: true });
});

const find = (of: LinkStore, link: string) => {
  const parsed = parseLinkPath(link);
  return parsed && of.find(parsed);
};

test("a link is found by its path until it expires, also by another process that shares the state folder", () => {
  const { link, path: url } = store.create(purpose, 60_000, "phone");
  expect(url).toMatch(/^\/files\/[0-9a-z]{8}[\w-]{34}$/);
  const other = new LinkStore(path, machineId, () => now);
  for (const each of [store, other]) expect(find(each, url)).toEqual(link);
  other[Symbol.dispose]();
  now += 60_000;
  expect(find(store, url)).toBeUndefined();
  expect([store.list(), store.live(link.id)]).toEqual([[], undefined]);
});

test("another signature, another machine's link, or a row that was changed fits nothing", () => {
  const { link, path: url } = store.create(purpose, 60_000, "phone");
  const { path: second } = store.create({ ...purpose, name: "dogs" }, 60_000, "phone");
  expect(find(store, url.slice(0, -22) + second.slice(-22))).toBeUndefined();
  const stranger = new LinkStore(join(folder, "other.db"), randomUUID(), () => now);
  expect(find(stranger, url)).toBeUndefined();
  stranger[Symbol.dispose]();
  const db = new DatabaseSync(path);
  db.prepare("UPDATE links SET purpose = ? WHERE id = ?").run(
    JSON.stringify({ ...purpose, name: "secrets" }),
    link.id,
  );
  db.close();
  expect(find(store, url)).toBeUndefined();
});

test("a revoked link is gone at once, and only once", () => {
  const { link, path: url } = store.create(purpose, 60_000, "phone");
  store.revoke(link.id);
  expect(find(store, url)).toBeUndefined();
  expect(() => store.revoke(link.id)).toThrow("There is no link");
});

test("nobody but the owner reads what signs the links", async () => {
  expect((await stat(path)).mode & 0o077).toBe(0);
});

test("one caller's links leave room for those of others, and a router that names no callers has all of it", () => {
  for (let n = 0; n < 1_000; n++) store.create(purpose, 60_000, "phone");
  expect(() => store.create(purpose, 60_000, "phone")).toThrow("You have 1000 links already");
  store.create(purpose, 60_000, "laptop");
  store.create(purpose, 60_000, undefined);
  now += 60_000;
  store.create(purpose, 60_000, "phone");
});

test("links of a store from before callers were noted go on", () => {
  const old = join(folder, "old.db");
  const db = new DatabaseSync(old);
  db.exec(
    `CREATE TABLE links (
       id TEXT PRIMARY KEY, purpose TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
     ) STRICT`,
  );
  const row = ["of old", JSON.stringify(purpose), now, now + 60_000] as const;
  db.prepare("INSERT INTO links VALUES (?, ?, ?, ?)").run(...row);
  db.close();
  const opened = [1, 2].map(() => new LinkStore(old, machineId, () => now));
  for (const each of opened) {
    expect(each.live("of old")).toMatchObject({ purpose });
    each.create(purpose, 60_000, "phone");
    each[Symbol.dispose]();
  }
});
