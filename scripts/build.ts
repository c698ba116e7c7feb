// Bundles what ships: dist/mcp-ai-toolkit.js, one file, and dist/bin.js, which even an old Node can read.
import { readFile, rm, writeFile } from "node:fs/promises";
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
    external: ["sharp", "bufferutil"],
  });
  await toAscii(join(folder, "mcp-ai-toolkit.js"));
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

/**
 * The bundler escapes all but what stands in regular expressions, and one such letter makes V8 keep the whole source in
 * twice the memory, as long as the program runs.
 */
async function toAscii(file: string): Promise<void> {
  const source = await readFile(file, "utf8");
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  await writeFile(file, source.replace(/[^\u0000-\u007f]/g, escaped));
}

if (import.meta.main) await buildInto(join(SHIPPED.absWorkingDir, "dist"));
