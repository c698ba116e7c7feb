// Bundles what ships: dist/mcp-ai-toolkit.js, one file, and dist/bin.js, which even an old Node can read.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { SHIPPED } from "./bundle.ts";

export async function buildInto(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await build({
    ...SHIPPED,
    entryPoints: ["agent/main.ts"],
    outfile: join(folder, "mcp-ai-toolkit.js"),
    // Native code stays outside; everything else travels along.
    external: ["sharp"],
  });
  await build({
    bundle: true,
    format: "esm",
    platform: "node",
    absWorkingDir: SHIPPED.absWorkingDir,
    entryPoints: ["agent/bin.ts"],
    outfile: join(folder, "bin.js"),
    target: "node14",
    external: ["./mcp-ai-toolkit.js"],
  });
}

if (import.meta.main) await buildInto(join(SHIPPED.absWorkingDir, "dist"));
