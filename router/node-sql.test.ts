import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { tokensSuite } from "./auth/tokens.suite.ts";
import { openSql } from "./node-sql.ts";

const folder = mkdtempSync(join(tmpdir(), "node-sql-"));
let files = 0;
const newFile = () => join(folder, String(++files), "router.db");
afterAll(() => rmSync(folder, { recursive: true }));

tokensSuite("SQLite in a file", () => openSql(newFile()));

test("the database and its folder are their owner's alone", () => {
  const path = newFile();
  openSql(path).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
});

test("what a transaction did before it failed is undone", () => {
  const sql = openSql(newFile());
  sql.all("CREATE TABLE t (x)");
  expect(() =>
    sql.transaction(() => {
      sql.all("INSERT INTO t VALUES (1)");
      throw new Error("half-way");
    }),
  ).toThrow("half-way");
  expect(sql.all("SELECT * FROM t")).toEqual([]);
});
