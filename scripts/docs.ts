// npm run docs: writes the tables of tools, options and clients into the README, between their markers.
import { readFile, writeFile } from "node:fs/promises";
import { buildCommand } from "../agent/options.ts";
import { readmeRow } from "../shared/describe.ts";
import { TOOLS } from "../shared/tools/index.ts";
import { clientTable } from "./clients/versions.ts";

export const README = new URL("../README.md", import.meta.url);

function replaced(readme: string, what: string, table: readonly string[]): string {
  const start = `<!-- ${what}: written by \`npm run docs\` -->`;
  const end = `<!-- /${what} -->`;
  const [before, rest] = readme.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md lacks ${start} … ${end}`);
  return `${before}${start}\n${table.join("\n")}\n${end}${after}`;
}

export function withToolTable(readme: string): string {
  const table = ["| tool | scope | what it does | arguments |", "|---|---|---|---|", ...TOOLS.map(readmeRow)];
  return replaced(readme, "tools", table);
}

/** The environment variables at the end of an option's description, see buildCommand. */
const VARIABLES = / \(env: ([^)]+)\)$/;

export function withOptionTable(readme: string): string {
  const rows = buildCommand()
    .options.filter(({ long }) => long !== "--version")
    .map(({ flags, description }) => {
      const variables = VARIABLES.exec(description)?.[1]?.split(/, (?:or )?/) ?? [];
      const names = variables.map((name) => `\`${name}\``).join(", ");
      return `| \`${flags}\` | ${names} | ${description.replace(VARIABLES, "")} |`;
    });
  return replaced(readme, "options", ["| flag | environment | what it does |", "|---|---|---|", ...rows]);
}

export const withClientTable = (readme: string): string => replaced(readme, "clients", clientTable);

if (import.meta.main) {
  const readme = await readFile(README, "utf8");
  await writeFile(README, withClientTable(withOptionTable(withToolTable(readme))));
}
