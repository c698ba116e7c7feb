// The sizes at which ai-toolkit trains (toolkit/buckets.py, get_bucket_for_image_size, and toolkit/dataloader_mixins.py,
// BucketsMixin, at ostris/ai-toolkit@27a03a9).

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The size an image is scaled and cropped to: as many pixels as fit into `resolution`² but hardly more than it has, sides
 * multiples of `divisibility`. Of the four ways to round, the one whose area comes closest.
 */
export function bucketOf({ width, height }: Size, resolution: number, divisibility: number): Size {
  const pixels = width * height;
  const maxPixels = resolution * resolution;
  const targetPixels = Math.min(pixels, maxPixels);
  const scale = Math.sqrt(targetPixels / pixels);
  const widths = [Math.floor, Math.ceil].map((round) => round((width * scale) / divisibility) * divisibility);
  const heights = [Math.floor, Math.ceil].map(
    (round) => round((height * scale) / divisibility) * divisibility,
  );
  const distance = (size: Size) => Math.abs(size.width * size.height - targetPixels);
  const fitting = widths
    .flatMap((w) => heights.map((h): Size => ({ width: w, height: h })))
    .filter((size) => size.width > 0 && size.height > 0 && size.width * size.height <= maxPixels);
  const [first = atLeast(widths[0], heights[0], divisibility), ...others] = fitting;
  // Of equals the first, as Python's min().
  return others.reduce((best, size) => (distance(size) < distance(best) ? size : best), first);
}

function atLeast(width = 0, height = 0, divisibility: number): Size {
  return { width: Math.max(divisibility, width), height: Math.max(divisibility, height) };
}

/** Videos are cut to one number of frames, images have one: a batch is of either kind. */
export interface Item extends Size {
  readonly kind: "image" | "video";
}

export interface Bucket extends Item {
  readonly count: number;
  /** Items taken twice in each epoch because the bucket is no multiple of the batch size. */
  readonly repeats: number;
}

/**
 * The buckets of a data set, the fullest first. Nothing falls out: a last batch that is short is filled by repeating.
 * With `auto_frame_count`, which goes with batches of one only, videos are parted further, by their own lengths.
 */
export function bucketsOf(
  items: readonly Item[],
  resolution: number,
  divisibility: number,
  batchSize: number,
): Bucket[] {
  const keyOf = ({ kind, width, height }: Item) => `${kind} ${width}x${height}`;
  const buckets = new Map<string, Item & { count: number }>();
  // Of very many there are mostly few sizes.
  for (const same of Map.groupBy(items, keyOf).values()) {
    const [item] = same;
    if (!item) continue;
    const size = { kind: item.kind, ...bucketOf(item, resolution, divisibility) };
    const bucket = buckets.get(keyOf(size)) ?? { ...size, count: 0 };
    bucket.count += same.length;
    buckets.set(keyOf(size), bucket);
  }
  return [...buckets.values()]
    .map((bucket): Bucket => {
      const short = bucket.count % batchSize;
      return { ...bucket, repeats: short === 0 ? 0 : batchSize - short };
    })
    .sort((a, b) => b.count - a.count || b.width * b.height - a.width * a.height || b.width - a.width);
}
