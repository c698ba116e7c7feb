// Puts foreign clients into a scratch folder: they are tried now and then, and are no part of this project.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { INSPECTOR, MCP_REMOTE, PYTHON } from "./versions.ts";

const run = promisify(execFile);

export interface Installed {
  /** Undefined: not to be had here; `missing` says why. */
  readonly python: string | undefined;
  readonly mcpRemote: string | undefined;
  readonly inspector: string | undefined;
  readonly missing: readonly string[];
}

export async function install(folder: string): Promise<Installed> {
  const missing: string[] = [];
  const tried = async (client: string, work: () => Promise<string>): Promise<string | undefined> => {
    try {
      return await work();
    } catch (error) {
      missing.push(`${client}: ${error instanceof Error ? error.message.split("\n", 1)[0] : error}`);
      return undefined;
    }
  };
  const python = await tried("Python mcp", async () => {
    await run("python3", ["-m", "venv", join(folder, "python")]);
    const own = join(folder, "python/bin/python");
    await run(own, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `mcp==${PYTHON}`]);
    return own;
  });
  const node = await tried("mcp-remote and the Inspector", async () => {
    const prefix = join(folder, "node");
    await mkdir(prefix, { recursive: true });
    const packages = [`mcp-remote@${MCP_REMOTE}`, `@modelcontextprotocol/inspector@${INSPECTOR}`];
    await run("npm", [
      "install",
      "--prefix",
      prefix,
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      ...packages,
    ]);
    return join(prefix, "node_modules/.bin");
  });
  return {
    python,
    mcpRemote: node && join(node, "mcp-remote"),
    inspector: node && join(node, "mcp-inspector"),
    missing,
  };
}
