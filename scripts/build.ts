// Bundles what ships: dist/mcp-ai-toolkit.js, one file, and dist/bin.js, which even an old Node can read.
import { rm } from "node:fs/promises";
import { build } from "esbuild";
import { SHIPPED } from "./bundle.ts";

await rm(new URL("../dist", import.meta.url), { recursive: true, force: true });
await build({
  ...SHIPPED,
  entryPoints: ["agent/main.ts"],
  outfile: "dist/mcp-ai-toolkit.js",
  // Native code stays outside; everything else travels along.
  external: ["sharp"],
});
await build({
  bundle: true,
  format: "esm",
  platform: "node",
  absWorkingDir: SHIPPED.absWorkingDir,
  entryPoints: ["agent/bin.ts"],
  outfile: "dist/bin.js",
  target: "node14",
  external: ["./mcp-ai-toolkit.js"],
});
