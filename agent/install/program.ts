// The program with all it needs, as one folder: its own Node, so that the machine's may change; the bundle; the native
// parts that cannot be bundled. The folder's name tells its contents, so a whole one is never written twice.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, lstat, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { UsageError } from "../usage-error.ts";
import { isRoot, type Owner } from "./as-user.ts";

/** Dependencies that stay outside the bundle, see scripts/build.ts. */
const NATIVE = ["sharp"] as const;

export interface ProgramFile {
  /** Path in the version's folder. */
  readonly path: string;
  readonly from: string;
}

export interface Program {
  readonly version: string;
  readonly files: readonly ProgramFile[];
}

async function filesBelow(folder: string, to: string): Promise<ProgramFile[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const from = join(entry.parentPath, entry.name);
      return { from, path: join(to, relative(folder, from)) };
    })
    .filter(({ path }) => !path.split(sep).slice(to.split(sep).length).includes("node_modules"));
}

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = async (folder: string) =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;

/** Where Node would find a package from `folder`; its exports may hide package.json, so the folders are looked at. */
async function packageFolder(name: string, folder: string): Promise<string | undefined> {
  for (const place of createRequire(join(folder, "_.js")).resolve.paths(name) ?? []) {
    const found = await stat(join(place, name, "package.json")).catch(() => undefined); // not there
    if (found) return join(place, name);
  }
  return undefined;
}

/** The native packages and what they depend on; optional ones that were not installed are for other machines. */
async function nativeFiles(root: string): Promise<ProgramFile[]> {
  const found = new Map<string, string>();
  const add = async (name: string, from: string, needed: boolean) => {
    if (found.has(name)) return;
    const folder = await packageFolder(name, from);
    if (!folder) {
      if (!needed) return;
      throw new UsageError(`${name} is not installed beside ${root}; run: npm install --omit=dev`);
    }
    found.set(name, folder);
    const { dependencies = {}, optionalDependencies = {} } = await manifestOf(folder);
    for (const each of Object.keys(dependencies)) await add(each, folder, true);
    for (const each of Object.keys(optionalDependencies)) await add(each, folder, false);
  };
  for (const name of NATIVE) await add(name, root, true);
  const files = [...found].map(([name, folder]) => filesBelow(folder, join("node_modules", name)));
  return (await Promise.all(files)).flat();
}

/**
 * What is to be installed: the package that `root` holds, run by `node`.
 * @throws UsageError when it is not built
 */
export async function programIn(root: string, node: string): Promise<Program> {
  const isBuilt = await stat(join(root, "dist/bin.js")).catch(() => undefined); // not there
  if (!isBuilt) throw new UsageError(`There is no program in ${root}/dist yet; run: npm run build`);
  const { version } = await manifestOf(root);
  const texts = ["package.json", "README.md", "LICENSE"].map((name) => ({
    path: name,
    from: join(root, name),
  }));
  const files = [
    { path: "bin/node", from: node },
    ...texts,
    ...(await filesBelow(join(root, "dist"), "dist")),
    ...(await nativeFiles(root)),
  ];
  return { version, files: files.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

const DIGEST_CHARS = 10;

/** `0.1.0-3f2a…`: two builds of one version are two. */
export async function folderName({ version, files }: Program): Promise<string> {
  const hash = createHash("sha256");
  for (const { path, from } of files) hash.update(`${path}\n${await hashOf(from)}\n`);
  return `${version}-${hash.digest("hex").slice(0, DIGEST_CHARS)}`;
}

async function isWhole({ files }: Program, folder: string): Promise<boolean> {
  for (const { path, from } of files) {
    const there = await lstat(join(folder, path)).catch(() => undefined); // missing
    if (!there?.isFile() || (await hashOf(join(folder, path))) !== (await hashOf(from))) return false;
  }
  return true;
}

const TRY_MS = 60_000;

/** Runs the copy as the service will: in its folder's own Node, with nothing of our environment, as its user. */
async function tryOut(folder: string, { version }: Program, as: Owner | undefined): Promise<void> {
  const node = join(folder, "bin/node");
  const user = as && isRoot() ? { uid: as.uid, gid: as.gid } : {};
  const options = { cwd: "/", env: { PATH: "/usr/bin:/bin" }, timeout: TRY_MS, ...user };
  const native = NATIVE.map((name) => `await import(${JSON.stringify(name)});`).join("");
  const script = join(folder, "dist/bin.js");
  try {
    const { stdout } = await promisify(execFile)(node, [script, "--version"], options);
    if (stdout.trim() !== `mcp-ai-toolkit ${version}`) throw new Error(`it calls itself "${stdout.trim()}"`);
    await promisify(execFile)(node, ["--input-type=module", "-e", native], { ...options, cwd: folder });
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    throw new Error(`The copy in ${folder} does not run: ${stderr?.trim() || message}`);
  }
}

/**
 * Puts the program below `versions`. A folder appears whole and tried out, or not at all.
 * @returns false when it was there already, with every byte
 */
export async function placeProgram(
  program: Program,
  versions: string,
  name: string,
  as: Owner | undefined,
): Promise<boolean> {
  const target = join(versions, name);
  if (await isWhole(program, target)) return false;
  const staged = join(versions, `.partial-${name}-${process.pid}`);
  try {
    for (const { path, from } of program.files) {
      const to = join(staged, path);
      await mkdir(dirname(to), { recursive: true, mode: 0o755 });
      await copyFile(from, to, constants.COPYFILE_FICLONE);
      await chmod(to, path === "bin/node" || path === "dist/bin.js" ? 0o755 : 0o644);
    }
    await tryOut(staged, program, as);
    await rm(target, { recursive: true, force: true }); // a damaged one
    await rename(staged, target);
    return true;
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}
