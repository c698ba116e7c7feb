import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "./config.ts";

const JSON_CONFIG = '{"job":"extension","config":{"name":"n","process":[{"type":"t"}]}}';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "config-"));
  mkdirSync(join(cwd, "config"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const read = (given: string, name?: string) => readConfig(given, name, { cwd, env: { SECRET: "s3cret" } });
const write = (path: string, text: string) => writeFileSync(join(cwd, path), text);

test("a name without extension is looked for in config/, JSON first", async () => {
  write("config/foo.yaml", "job: extension\nconfig: {name: from yaml, process: [{type: t}]}");
  expect(await read("foo")).toMatchObject({ name: "from yaml" });
  write("config/foo.json", JSON_CONFIG);
  expect(await read("foo")).toMatchObject({ name: "n" });
});

test("a name with extension in config/ is not found, but a path to it is", async () => {
  write("config/foo.json", JSON_CONFIG);
  await expect(read("foo.json")).rejects.toThrow("Could not find config file foo.json");
  expect(await read("config/foo.json")).toMatchObject({ name: "n" });
  expect(await read(join(cwd, "config/foo.json"))).toMatchObject({ name: "n" });
});

test("YAML is read as PyYAML reads it", async () => {
  write(
    "a.yml",
    "job: extension\nconfig:\n  name: n\n  process:\n  - {lr: 1e-4, big: yes, y: n, lr: 2e-4}\n",
  );
  expect((await read("a.yml")).processes).toEqual([{ lr: 2e-4, big: true, y: "n" }]);
});

/** As a config names an environment variable. */
const variable = (name: string) => `"\${${name}}"`;

test("variables are replaced everywhere, and an unset one is an error", async () => {
  write("a.json", JSON_CONFIG.replace('"t"', variable("SECRET")));
  expect((await read("a.json")).processes).toEqual([{ type: "s3cret" }]);
  write("b.json", JSON_CONFIG.replace('"t"', variable("NOWHERE")));
  await expect(read("b.json")).rejects.toThrow("Environment variable NOWHERE not set");
});

test("[name] is replaced by config.name or -n; a quote in it breaks the document", async () => {
  write("a.json", JSON_CONFIG.replace('"t"', '"[name]!"'));
  expect((await read("a.json")).processes).toEqual([{ type: "n!" }]);
  expect(await read("a.json", "other")).toMatchObject({ name: "n", processes: [{ type: "other!" }] });
  await expect(read("a.json", 'wi"cked')).rejects.toMatchObject({ type: "json.decoder.JSONDecodeError" });
});

test.each([
  ["a.txt", JSON_CONFIG, "Config file a.txt must be a json or yaml file"],
  ["a.jsonc", `// comment\n${JSON_CONFIG}`, "Unexpected token"],
  ["a.json", '{"config":{}}', "config file must have a job key"],
  ["a.json", '{"job":"extension"}', "config file must have a config section"],
  ["a.json", '{"job":"extension","config":{}}', "config file must have a config.name key"],
  ["a.json", '{"job":"extension","config":{"name":"n"}}', 'Missing "config.process" key'],
  ["a.json", '{"job":"extension","config":{"name":"n","process":[]}}', "must be a list of processes"],
])("%s with %s is refused", async (path, text, message) => {
  write(path, text);
  await expect(read(path)).rejects.toThrow(message);
});
