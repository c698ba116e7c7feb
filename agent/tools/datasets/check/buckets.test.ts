import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { bucketOf, bucketsOf } from "./buckets.ts";
import { divisibilityOf } from "./divisibility.ts";

/** Written by ai-toolkit's own function: image width and height, resolution, divisibility, bucket width and height. */
const Recorded = v.array(v.tuple([v.number(), v.number(), v.number(), v.number(), v.number(), v.number()]));
const recorded = v.parse(
  Recorded,
  JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/buckets.json"), "utf8")),
);

test("the toolkit's own function gives the same size for every recorded image", () => {
  expect(recorded.length).toBeGreaterThanOrEqual(200);
  const ours = recorded.map(([width, height, resolution, divisibility]) => {
    const bucket = bucketOf({ width, height }, resolution, divisibility);
    return [width, height, resolution, divisibility, bucket.width, bucket.height];
  });
  expect(ours).toEqual(recorded);
});

/** What its BucketsMixin made of real files in mixed data sets: kind, width, height; and with those count and repeats. */
const File = v.tuple([v.picklist(["image", "video"]), v.number(), v.number()]);
const Mixed = v.array(
  v.object({
    resolution: v.number(),
    divisibility: v.number(),
    batch_size: v.number(),
    files: v.array(File),
    buckets: v.array(v.tuple([...File.items, v.number(), v.number()])),
  }),
);

test("images and videos of one size are in batches of their own, as the toolkit itself parts them", () => {
  const mixed = v.parse(
    Mixed,
    JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/mixed-buckets.json"), "utf8")),
  );
  expect(mixed.length).toBeGreaterThan(0);
  for (const { resolution, divisibility, batch_size, files, buckets } of mixed) {
    const items = files.map(([kind, width, height]) => ({ kind, width, height }));
    const ours = bucketsOf(items, resolution, divisibility, batch_size).map(
      ({ kind, width, height, count, repeats }) => [kind, width, height, count, repeats],
    );
    expect(ours).toHaveLength(buckets.length);
    expect(ours).toEqual(expect.arrayContaining(buckets));
  }
});

describe("the buckets of a data set", () => {
  const kind = "image" as const;
  const images = [
    { kind, width: 128, height: 128 },
    { kind, width: 96, height: 160 },
    { kind, width: 128, height: 128 },
    { kind, width: 160, height: 96 },
  ];

  test("are those of a recorded run: small images are not enlarged", () => {
    expect(bucketsOf(images, 256, 16, 1)).toEqual([
      { kind, width: 128, height: 128, count: 2, repeats: 0 },
      { kind, width: 160, height: 96, count: 1, repeats: 0 },
      { kind, width: 96, height: 160, count: 1, repeats: 0 },
    ]);
  });

  test("are filled up to whole batches by repeating, so that nothing falls out", () => {
    expect(bucketsOf(images, 256, 16, 4).map(({ count, repeats }) => [count, repeats])).toEqual([
      [2, 2],
      [1, 3],
      [1, 3],
    ]);
    const six = Array.from({ length: 6 }, () => ({ kind, width: 128, height: 128 }));
    expect(bucketsOf(six, 256, 16, 4)).toEqual([{ kind, width: 128, height: 128, count: 6, repeats: 2 }]);
  });

  test("of nothing are none", () => {
    expect(bucketsOf([], 1024, 16, 1)).toEqual([]);
  });
});

test.each([
  ["sd15", 16],
  ["sdxl", 16],
  ["flux", 32],
  ["flux2", 16],
  ["qwen_image_edit_plus:2511", 32],
  ["zimage:turbo", 16],
  ["wan22_5b", 32],
  ["wan22_14b:t2v", 16],
  ["cogview4", 8],
  [undefined, 16],
  ["nobody knows", 16],
])("sides of a bucket for %s are multiples of %d", (arch, divisibility) => {
  expect(divisibilityOf(arch)).toBe(divisibility);
});
