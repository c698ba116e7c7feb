import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Facts } from "./facts.ts";
import { FactsStore } from "./facts-store.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "store-"));
  path = join(folder, "files.db");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const DAY_MS = 24 * 60 * 60 * 1000;
const facts: Facts = { is: "broken", why: "not an image" };
const file = { path: "sub/a.png", identity: "1" };

function within<T>(work: (store: FactsStore) => T, now?: Date): T {
  const store = new FactsStore(path, now);
  try {
    return work(store);
  } finally {
    store[Symbol.dispose]();
  }
}
const remember = (now?: Date) => within((store) => store.remember("/cats", [{ ...file, facts }]), now);
const known = (asked = file, now?: Date) => within((store) => store.known("/cats").get(asked), now);

test("what was found out is known until the file changes", () => {
  expect(known()).toBeUndefined();
  remember();
  expect(known()).toEqual(facts);
  expect(known({ ...file, identity: "2" })).toBeUndefined();
  expect(known({ ...file, path: "a.png" })).toBeUndefined();
  expect(within((store) => store.known("/dogs").get(file))).toBeUndefined();
  within((store) => store.forget("/cats", ["other", file.path]));
  expect(known()).toBeUndefined();
});

test("what one call finds out, another that is under way can use", () => {
  within((store) => {
    remember();
    expect(store.recall("/cats", file)).toEqual(facts);
    expect(store.recall("/cats", { ...file, identity: "2" })).toBeUndefined();
  });
});

test("what nobody asked for in ninety days goes, what was asked for stays", () => {
  const day = (days: number) => new Date(Date.parse("2026-01-01") + days * DAY_MS);
  remember(day(0));
  expect(known(file, day(80))).toEqual(facts);
  expect(known(file, day(160))).toEqual(facts);
  expect(known(file, day(251))).toBeUndefined();
});

test.each(["no database", "another version"])("%s: it begins anew", async (what) => {
  if (what === "no database") await writeFile(path, "garbage".repeat(1000));
  else {
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE facts (x); PRAGMA user_version = 99");
    db.close();
  }
  remember();
  expect(known()).toEqual(facts);
});

test("where nothing can be written it knows nothing, and says nothing", async () => {
  path = join(folder, "missing", "files.db");
  remember();
  expect(known()).toBeUndefined();
  expect(await readdir(folder)).toEqual([]);
});
