// npm run build:worker: what `wrangler deploy` uploads. wrangler.toml calls it.
import { mkdir, writeFile } from "node:fs/promises";
import { bundleWorker } from "./worker-bundle.ts";

const folder = new URL("../build/", import.meta.url);
await mkdir(folder, { recursive: true });
const { code } = await bundleWorker();
await writeFile(new URL("worker.js", folder), code);
