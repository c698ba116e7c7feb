// For tests: the package as npm unpacks it, built from this source.
import { appendFile, copyFile, cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { buildInto } from "../../scripts/build.ts";

const PROJECT = resolve(import.meta.dirname, "../..");

/** dist, package.json, README and LICENSE in `folder`, the dependencies as a link. */
export async function makePackage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of ["package.json", "README.md", "LICENSE"])
    await copyFile(join(PROJECT, name), join(folder, name));
  await symlink(join(PROJECT, "node_modules"), join(folder, "node_modules"));
  await buildInto(join(folder, "dist"));
}

/** The same program, but it says that it is another version. */
export async function makeVersion(from: string, folder: string, version: string): Promise<void> {
  await cp(from, folder, { recursive: true, verbatimSymlinks: true });
  const manifest = JSON.parse(await readFile(join(from, "package.json"), "utf8")) as { version: string };
  const replace = async (name: string) => {
    const text = await readFile(join(folder, name), "utf8");
    const said = new RegExp(`(version"?: ?)"${manifest.version.replaceAll(".", "\\.")}"`, "g");
    if (!said.test(text)) throw new Error(`${name} does not say its version`);
    await writeFile(join(folder, name), text.replaceAll(said, `$1"${version}"`));
  };
  await replace("package.json");
  await replace("dist/mcp-ai-toolkit.js");
}

/** A version that answers --version and ends at once when it is to serve. */
export async function breakPackage(folder: string): Promise<void> {
  const bin = join(folder, "dist/bin.js");
  const text = await readFile(bin, "utf8");
  const [first, ...rest] = text.split("\n");
  await writeFile(bin, [first, "if (process.argv.length === 2) process.exit(3);", ...rest].join("\n"));
  await appendFile(bin, "\n// broken on purpose\n");
}
