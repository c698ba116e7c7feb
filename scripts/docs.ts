// npm run docs: writes the tool table into the README, between its markers, from the contracts.
import { readFile, writeFile } from "node:fs/promises";
import { readmeRow } from "../shared/describe.ts";
import { TOOLS } from "../shared/tools/index.ts";

export const README = new URL("../README.md", import.meta.url);
const START = "<!-- tools: written by `npm run docs` -->";
const END = "<!-- /tools -->";

export function withToolTable(readme: string): string {
  const [before, rest] = readme.split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md lacks ${START} … ${END}`);
  const table = ["| tool | scope | what it does | arguments |", "|---|---|---|---|", ...TOOLS.map(readmeRow)];
  return `${before}${START}\n${table.join("\n")}\n${END}${after}`;
}

if (import.meta.main) {
  await writeFile(README, withToolTable(await readFile(README, "utf8")));
}
