// A disk that is really full: a tmpfs of 128 KiB, in a mount namespace of its own, which some containers forbid.
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";

const canMount =
  spawnSync("unshare", ["-rm", "sh", "-c", 'mount -t tmpfs none "$0"', tmpdir()], { stdio: "ignore" })
    .status === 0;

/** A PNG of noise: its size is known to be about three bytes a pixel. */
const noise = (pixels: number) =>
  sharp(randomBytes(pixels * 3), { raw: { width: pixels / 10, height: 10, channels: 3 } })
    .png()
    .toBuffer();

async function uploadToSmallDisk(images: readonly object[]): Promise<{ answer: unknown; left: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "full-disk-"));
  const script = join(import.meta.dirname, "fixtures/upload.ts");
  const shell = `mount -t tmpfs -o size=128k none "$0" && "$1" "$2" "$0" && find "$0/datasets" -mindepth 1 -printf '%P\\n'`;
  const output = execFileSync("unshare", ["-rm", "sh", "-c", shell, folder, process.execPath, script], {
    input: JSON.stringify({ dataset_name: "cats", images, overwrite: false }),
    encoding: "utf8",
  });
  await rm(folder, { recursive: true });
  const [answer = "", ...left] = output.trim().split("\n");
  return { answer: JSON.parse(answer), left: left.sort() };
}

test.skipIf(!canMount)(
  "D10: what does not fit on the disk is reported, and leaves nothing behind",
  async () => {
    const [small, large] = [await noise(1_000), await noise(100_000)].map((bytes) =>
      bytes.toString("base64"),
    );
    const reason = "No space left on the training machine's disk";

    const nothing = await uploadToSmallDisk([{ filename: "deep/large.png", data: large, caption: "x" }]);
    expect(nothing.answer).toMatchObject({
      code: "disk_full",
      images_saved: 0,
      failed: [{ index: 0, filename: "deep/large.png", reason }],
    });
    expect(nothing.left).toEqual([]);

    const some = await uploadToSmallDisk([
      { filename: "large.png", data: large, caption: "x" },
      { filename: "small.png", data: small, caption: "x" },
    ]);
    expect(some.answer).toMatchObject({
      status: "success",
      images_saved: 1,
      failed: [{ filename: "large.png", reason }],
    });
    expect(some.left).toEqual(["cats", "cats/small.png", "cats/small.txt"]);
  },
);
