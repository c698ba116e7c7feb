// The latent cache beside a dataset's images (ai-toolkit.md §4.4).
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import type { Bar, BarOptions } from "./bar.ts";
import { SOFTWARE } from "./checkpoints.ts";
import type { Size } from "./image-size.ts";
import type { Interrupt } from "./interrupt.ts";
import { dumps } from "./python.ts";
import { hash, randomFrom } from "./random.ts";
import { encodeFloats, type Metadata, writeSafetensors } from "./safetensors.ts";
import type { DatasetSettings } from "./settings.ts";

export interface Item {
  readonly path: string;
  /** Its bucket: what the image is scaled to and cropped. */
  readonly bucket: Size;
}

export interface LatentTools {
  readonly print: (line: string) => void;
  readonly openBar: (options: Pick<BarOptions, "total" | "description">) => Bar;
  readonly interrupt: Interrupt;
  readonly arch: string;
  /** For each latent to cache. */
  readonly cacheMs: number;
}

export async function cacheLatents(
  folder: string,
  items: readonly Item[],
  { cache_latents_to_disk: toDisk }: DatasetSettings,
  { print, openBar, interrupt, arch, cacheMs }: LatentTools,
): Promise<void> {
  print(`Caching latents for ${folder}`);
  print(toDisk ? " - Saving latents to disk" : " - Keeping latents in memory");
  const bar = openBar({
    total: items.length,
    description: `Caching latents${toDisk ? " to disk" : ""}`,
  });
  for (const [index, item] of items.entries()) {
    await interrupt.pause(cacheMs);
    if (toDisk) await writeLatent(item, arch);
    bar.update(index + 1);
  }
  bar.close();
}

async function writeLatent({ path, bucket: { width, height } }: Item, arch: string): Promise<void> {
  const metadata: Metadata = {
    filename: basename(path),
    scale_to_width: String(width),
    scale_to_height: String(height),
    crop_x: "0",
    crop_y: "0",
    crop_width: String(width),
    crop_height: String(height),
    latent_space_version: arch,
    latent_version: "1",
    software: dumps(SOFTWARE),
    format: "pt",
    // Goes into the name's hash as well: the real trainer looks for other names and never picks these up.
    rehearsal: "true",
  };
  const id = createHash("md5").update(dumps(metadata)).digest("base64url");
  const cache = join(dirname(path), "_latent_cache");
  const file = join(cache, `${basename(path, extname(path))}_${id}.safetensors`);
  if (existsSync(file)) return;
  mkdirSync(cache, { recursive: true });
  const shape = [4, height / 8, width / 8];
  const count = (4 * height * width) / 64;
  const random = randomFrom(hash(id));
  const values = Array.from({ length: count }, () => 2 * random() - 1);
  await writeSafetensors(
    file,
    metadata,
    [
      {
        name: "latent",
        dtype: "F32",
        shape,
        data: encodeFloats(values, count, "F32"),
      },
    ],
    async () => {},
  );
}
