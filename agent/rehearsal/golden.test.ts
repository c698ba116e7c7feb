// The same config as a recorded run of the real ai-toolkit, laid beside that recording.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FIXTURES, openTheatre, type Theatre } from "./theatre.ts";

const fixture = (name: string) => readFileSync(join(FIXTURES, name), "utf8");

let theatre: Theatre;
let output: string;
let log: string;

beforeAll(async () => {
  theatre = openTheatre();
  const config = join(theatre.folder, "config.yaml");
  writeFileSync(config, fixture("config.yaml").replaceAll("/data/", `${theatre.folder}/`));
  const run = theatre.start([config]);
  expect(await run.ended).toEqual({ code: 0, signal: null });
  log = run.log().replaceAll(theatre.folder, "/data");
  output = join(theatre.folder, "output", "tiny_run_v1");
});

afterAll(() => theatre.clear());

const BAR = /\r(?:([^\r\n]*?): +)?\s*\d+%\|[^|]*\| (\d+)\/(\d+) \[[^\]]*\] */g;
/** A bar below another one: down a line, drawn, up again. Without the drawing where that was in between. */
const NESTED = /(?:\n(?:\r<[^>]*>)?\x1b\[A)+/g;

/** Lines and control characters stay; what depends on speed, chance or the machine goes. */
function essence(text: string): string {
  return (
    text
      .replace(/^(REHEARSAL|WARNING|W\d+|EXIT_CODE).*\n/gm, "")
      // How often a bar is drawn between its first and last count depends on the time steps take.
      .replace(BAR, (_, description = "", n, total) =>
        n === "0" || n === total ? `\r<${description} of ${total}>` : "",
      )
      .replace(NESTED, (drawings) => `\n${/\r<[^>]*>/.exec(drawings)}\x1b[A`)
      .replace(/(\r<[^>]*>)\1+/g, "$1")
      .replace(/ {40,}/g, "<wiped>")
      .replace(/( - [\d.]+s avg - \w+, num = \d+\n)+/g, "<timers>\n")
      .replace(/^\d+x\d+: (\d) files$/gm, "<bucket of $1>")
      .trimEnd()
  );
}

test("prints what the recorded run printed, line by line", () => {
  expect(essence(log).split("\n")).toEqual(essence(fixture("run.log")).split("\n"));
});

test("says first of all that it is a rehearsal", () => {
  expect(log).toMatch(/^REHEARSAL: no model is loaded and nothing is trained/);
});

test("refreshes the bar after every step, with learning rate and loss", () => {
  const postfixes = log.matchAll(
    /\rtiny_run_v1: +\d+%\|[^|]*\| (\d+)\/12 \[[^\]]*, lr: 1\.0e-04 loss: \d\.\d{3}e[+-]\d\d\]/g,
  );
  const counts = new Set([...postfixes].map(([, n]) => Number(n)));
  expect([...counts]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test("leaves the recorded files behind", () => {
  const tree = (paths: readonly string[]) =>
    paths
      .map((path) =>
        path.replace(/\d{13}__/, "<ms>__").replace(/_[\w-]{22}\.safetensors/, "_<hash>.safetensors"),
      )
      .sort();
  const recorded = fixture("tree.txt")
    .split("\n")
    .map((line) => line.slice(13))
    .filter((path) => path.startsWith("output/tiny_run_v1/") || path.startsWith("dataset/"));
  const written = ["output", "dataset"].flatMap((top) =>
    readdirSync(join(theatre.folder, top), { recursive: true }).map((path) => join(top, String(path))),
  );
  expect(tree(written.filter((path) => path !== "output/tiny_run_v1"))).toEqual(tree(recorded));
});

test("writes config.yaml as PyYAML does", () => {
  const written = readFileSync(join(output, "config.yaml"), "utf8");
  expect(written.replaceAll(theatre.folder, "/data")).toBe(fixture("written-config.yaml"));
});

test("checkpoints have the recorded tensors, and the recorded metadata but for what marks a rehearsal", () => {
  const bytes = readFileSync(join(output, "tiny_run_v1_000000005.safetensors"));
  const headerLength = Number(bytes.readBigUInt64LE());
  const { __metadata__: metadata, ...tensors } = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength));
  const { __metadata__: recordedMetadata, ...recordedTensors } = JSON.parse(
    fixture("checkpoint-header.json"),
  );

  expect(tensors).toEqual(recordedTensors);
  const { rehearsal, software, sshs_model_hash, ...rest } = metadata;
  const { software: realSoftware, sshs_model_hash: realHash, ...recordedRest } = recordedMetadata;
  expect(rest).toEqual(recordedRest);
  expect(rehearsal).toBe("true");
  expect(JSON.parse(software)).toEqual({ ...JSON.parse(realSoftware), name: "ai-toolkit rehearsal" });
  expect(sshs_model_hash).toHaveLength(realHash.length);
});

test("loss_log.db has the recorded schema, steps and keys", () => {
  const contents = (path: string) => {
    const db = new DatabaseSync(path, { readOnly: true });
    const all = (sql: string) => db.prepare(sql).all();
    const tables = all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").map(
      ({ name }) => name,
    );
    const result = {
      columns: tables.map((table) => [table, all(`PRAGMA table_info(${table})`)]),
      foreignKeys: all("PRAGMA foreign_key_list(metrics)"),
      index: all("PRAGMA index_info(idx_metrics_key_step)"),
      keys: all("SELECT * FROM metric_keys ORDER BY key"),
      rows: all("SELECT step, key, typeof(value_real) AS real, value_text FROM metrics ORDER BY step, key"),
      steps: all("SELECT step, typeof(wall_time) AS time FROM steps ORDER BY step"),
    };
    db.close();
    return result;
  };
  expect(contents(join(output, "loss_log.db"))).toEqual(contents(join(FIXTURES, "loss_log.db")));
});
