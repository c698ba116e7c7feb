import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { readDatabase } from "./read-only-database.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "database-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function write(path: string, mode: "WAL" | "DELETE"): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE t (x); INSERT INTO t VALUES (1)`);
  return db;
}

const values = (path: string) => readDatabase(path, 100, (db) => db.prepare("SELECT x FROM t").all());
const traces = (folder: string) =>
  readdirSync(folder).map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name));
    return [name, size, mtimeMs];
  });

test.each(["WAL", "DELETE"] as const)("a closed database in %s mode is read and nothing is left", (mode) => {
  const folder = newFolder();
  const path = join(folder, "a b?#.db");
  write(path, mode).close();
  const [before, changed] = [traces(folder), statSync(folder).mtimeMs];
  expect(values(path)).toEqual([{ x: 1 }]);
  expect(traces(folder)).toEqual(before);
  expect(statSync(folder).mtimeMs).toBe(changed);
});

test("what another program has written into its WAL just now is seen", () => {
  const folder = newFolder();
  const path = join(folder, "a.db");
  const db = write(path, "WAL");
  db.exec("INSERT INTO t VALUES (2)");
  expect(values(path)).toEqual([{ x: 1 }, { x: 2 }]);
  db.close();
  expect(readdirSync(folder)).toEqual(["a.db"]);
});

test("a WAL that was copied without its index is read, and its folder stays as it is", () => {
  const [folder, copy] = [newFolder(), newFolder()];
  const db = write(join(folder, "a.db"), "WAL");
  for (const name of ["a.db", "a.db-wal"]) cpSync(join(folder, name), join(copy, name));
  db.close();
  const before = traces(copy);
  expect(values(join(copy, "a.db"))).toEqual([{ x: 1 }]);
  expect(traces(copy)).toEqual(before);
});

test("it cannot be written to", () => {
  const path = join(newFolder(), "a.db");
  write(path, "WAL").close();
  expect(() => readDatabase(path, 100, (db) => db.exec("DELETE FROM t"))).toThrow(/readonly/);
});

test("what is locked, damaged or missing is an error, soon", () => {
  const folder = newFolder();
  const path = join(folder, "a.db");
  const db = write(path, "DELETE");
  db.exec("BEGIN EXCLUSIVE");
  expect(() => values(path)).toThrow(/locked/);
  db.close();
  writeFileSync(path, "no database at all, but long enough to have a header");
  expect(() => values(path)).toThrow(/not a database/);
  expect(() => values(join(folder, "b.db"))).toThrow(/ENOENT/);
});
