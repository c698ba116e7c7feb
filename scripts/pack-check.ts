// npm run pack-check: is what npm would publish minimal and complete? Packs it, installs the file in an empty folder as a
// stranger would, and lets it start, answer, decode a picture (its native part) and show the upload page.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const PROJECT = resolve(import.meta.dirname, "..");
const EXPECTED = ["LICENSE", "README.md", "dist/bin.js", "dist/mcp-ai-toolkit.js", "package.json"];

const folder = await mkdtemp(join(tmpdir(), "pack-check-"));
const run = async (command: string, args: readonly string[], cwd = folder) =>
  (await promisify(execFile)(command, args, { cwd, maxBuffer: 64 * 1024 ** 2 })).stdout;
const say = (line: string) => console.log(`✓ ${line}`);
/** Before what takes a while. */
const doing = (line: string) => console.log(`… ${line}`);
function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`This does not hold: ${what}`);
  say(what);
}

async function pack(): Promise<string> {
  doing("npm pack");
  const [packed] = JSON.parse(
    await run("npm", ["pack", "--json", "--pack-destination", folder], PROJECT),
  ) as [
    {
      readonly filename: string;
      readonly size: number;
      readonly files: readonly { readonly path: string }[];
    },
  ];
  const paths = packed.files.map(({ path }) => path).sort();
  console.log(`  in it: ${paths.join(", ")}`);
  must(
    paths.join() === EXPECTED.join(),
    `the file holds what it should, ${EXPECTED.join(", ")}, and nothing else`,
  );
  say(`${packed.filename}, ${Math.round(packed.size / 1024)} KiB`);
  return join(folder, packed.filename);
}

async function start(bin: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const args = [bin, "--port", "0", "--trainer", "rehearsal", "--data", join(folder, "data")];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of createInterface({ input: child.stderr })) {
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (url !== undefined) {
      child.stderr.resume();
      return { child, url };
    }
  }
  throw new Error("The installed program did not start");
}

async function showPage(server: string): Promise<void> {
  const body = JSON.stringify({ tool: "create_upload_link", arguments: { name: "e" } });
  const answer = await (await fetch(`${server}/mcp/execute`, { method: "POST", body })).text();
  const [link] = /http:[^\\"']*\/files\/[\w-]+/.exec(answer) ?? [];
  const page = await fetch(String(link), { headers: { accept: "text/html" } });
  const policy = page.headers.get("content-security-policy") ?? "";
  const html = await page.text();
  for (const part of ["script", "style"]) {
    const [, text = ""] = new RegExp(`<${part}>([^]*)</${part}>`).exec(html) ?? [];
    const hash = createHash("sha256").update(text).digest("base64");
    must(policy.includes(`'sha256-${hash}'`), `the upload page's policy lets its ${part} in`);
  }
}

async function serve(bin: string): Promise<void> {
  const { child, url } = await start(bin);
  const gone = once(child, "exit");
  try {
    const health = (await (await fetch(`${url}/health`)).json()) as { readonly status: string };
    must(health.status === "healthy", "standalone answers /health");
    const picture = await readFile(join(PROJECT, "agent/rehearsal/fixtures/dataset/img1.jpg"), "base64");
    const images = [{ filename: "a.jpg", data: picture, caption: "a picture" }];
    const body = JSON.stringify({ tool: "upload_dataset", arguments: { dataset_name: "d", images } });
    const answer = await (await fetch(`${url}/mcp/execute`, { method: "POST", body })).text();
    must(answer.includes('\\"images_saved\\": 1'), "upload_dataset decodes a picture");
    await showPage(url);
  } finally {
    child.kill();
    await gone;
  }
}

try {
  const file = await pack();
  await writeFile(join(folder, "package.json"), "{}");
  doing(`npm install of the file, in ${folder}`);
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", file]);
  const installed = (await run("npm", ["ls", "--all", "--parseable"])).trim().split("\n").length - 1;
  say(`npm install: ${installed} packages`);
  const bin = join(folder, "node_modules/mcp-ai-toolkit/dist/bin.js");
  const { version } = JSON.parse(await readFile(join(PROJECT, "package.json"), "utf8")) as {
    version: string;
  };
  must((await run(process.execPath, [bin, "--version"])) === `mcp-ai-toolkit ${version}\n`, "--version");
  must((await run(process.execPath, [bin, "--help"])).includes("Set a GPU machine up:"), "--help");
  const dry = [
    "--yes",
    "--prefer-offline",
    "--package",
    file,
    "mcp-ai-toolkit",
    "install",
    "--dry-run",
    "--root",
    join(folder, "root"),
  ];
  must(
    (await run("npx", dry)).includes("Nothing was changed."),
    "npx --package FILE mcp-ai-toolkit install --dry-run",
  );
  await serve(bin);
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
