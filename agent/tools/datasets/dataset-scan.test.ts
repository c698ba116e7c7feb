import {
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isMissing } from "../../files/sandbox.ts";
import { ScanMemory, scanDataset } from "./dataset-scan.ts";

const never = new AbortController().signal;
let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "scan-")));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(path: string, content = "x"): Promise<void> {
  await mkdir(join(folder, path, ".."), { recursive: true });
  await writeFile(join(folder, path), content);
}

describe("what is counted", () => {
  test("D26: images of all four kinds in any case, their captions and their bytes, and nothing else", async () => {
    for (const name of ["a.png", "b.JPG", "c.jpeg", "d.WebP"]) await put(name, "12345");
    for (const name of ["a.txt", "b.txt", "orphan.txt", "notes.md", "x.gif", ".aitk_size.json", "c.TXT"])
      await put(name);
    expect(await scanDataset(folder, never)).toEqual({
      counts: { image: 4, video: 0, audio: 0 },
      captionCount: 2,
      missingCaptionCount: 2,
      missingCaptions: ["c.jpeg", "d.WebP"],
      mediaBytes: 20,
      folders: [],
    });
  });

  test("images in sub-folders, as the trainer walks them, with captions beside each", async () => {
    await put("a.png");
    await put("sub/deep/b.png");
    await put("sub/deep/b.txt");
    await put("sub/a.txt");
    const { counts, missingCaptions } = await scanDataset(folder, never);
    expect([counts.image, missingCaptions]).toEqual([2, ["a.png"]]);
  });

  test("nothing hidden, no generated controls, no caches", async () => {
    for (const path of [
      ".thumbs/a.png",
      "._a.png",
      "_controls/a.depth.jpg",
      "sub/_controls/b.jpg",
      "_latent_cache/c.png",
    ]) {
      await put(path);
    }
    expect((await scanDataset(folder, never)).counts.image).toBe(0);
    await put("_controls/below/d.png"); // the trainer skips direct children only
    expect((await scanDataset(folder, never)).counts.image).toBe(1);
  });

  test("symlinked images and captions if they lead to a file, symlinked folders never", async () => {
    await put("real/a.png", "123");
    await put("real/a.txt");
    await put("b.png");
    await mkdir(join(folder, "folder.png"));
    await symlink("real/a.png", join(folder, "link.png"));
    await symlink("real/a.txt", join(folder, "link.txt"));
    await symlink("nowhere.png", join(folder, "dangling.png"));
    await symlink("nowhere.txt", join(folder, "b.txt"));
    await symlink("..", join(folder, "real/loop"));
    const { counts, mediaBytes, missingCaptions } = await scanDataset(folder, never);
    expect([counts.image, mediaBytes, missingCaptions]).toEqual([3, 7, ["b.png"]]);
  });

  test("a caption that is a folder is none", async () => {
    await put("a.png");
    await mkdir(join(folder, "a.txt"));
    expect((await scanDataset(folder, never)).captionCount).toBe(0);
  });

  test("more images than are looked at in one go", async () => {
    await Promise.all(Array.from({ length: 300 }, (_, index) => put(`${index}.png`, "ab")));
    const { counts, mediaBytes } = await scanDataset(folder, never);
    expect([counts.image, mediaBytes]).toEqual([300, 600]);
  });
});

test("a folder that is not there is an error, a cancelled scan ends", async () => {
  await expect(scanDataset(join(folder, "none"), never)).rejects.toSatisfy(isMissing);
  await expect(scanDataset(folder, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});

describe("with a memory", () => {
  const images = (image: number) => ({ image, video: 0, audio: 0 });
  const memory = () => new ScanMemory(10);
  const scan = async (kept: ScanMemory) => {
    const figures = await scanDataset(folder, never, kept);
    kept.forgetUnvisited();
    return figures;
  };
  /** A stamp older than the clock's tick, as nearly every folder has. */
  const age = (path = "") => utimes(join(folder, path), 1_000_000, 1_000_000);

  test("a folder that did not change is not read again", async () => {
    await put("a.png", "123");
    await age();
    const kept = memory();
    await scan(kept);
    await writeFile(join(folder, "a.png"), "123456"); // in place: the one change that leaves the folder's stamp as it is
    expect((await scan(kept)).mediaBytes).toBe(3);
    expect((await scanDataset(folder, never)).mediaBytes).toBe(6);
  });

  test("adding, removing, renaming and replacing a file are all seen at once", async () => {
    const kept = memory();
    await put("a.png", "123");
    await put("sub/b.png", "1");
    const steps: readonly [() => Promise<void>, object][] = [
      [() => put("c.png", "1"), { counts: images(3), captionCount: 0, mediaBytes: 5 }],
      [() => put("sub/b.txt"), { counts: images(3), captionCount: 1, mediaBytes: 5 }],
      [() => unlink(join(folder, "c.png")), { counts: images(2), captionCount: 1, mediaBytes: 4 }],
      [
        () => rename(join(folder, "sub/b.txt"), join(folder, "sub/d.txt")),
        { counts: images(2), captionCount: 0, mediaBytes: 4 },
      ],
      [
        async () => {
          await put(".partial-1", "123456");
          await rename(join(folder, ".partial-1"), join(folder, "a.png"));
        },
        { counts: images(2), captionCount: 0, mediaBytes: 7 },
      ],
      [
        () => rm(join(folder, "sub"), { recursive: true }),
        { counts: images(1), captionCount: 0, mediaBytes: 6 },
      ],
    ];
    for (const [change, expected] of steps) {
      await age();
      if ((await readdir(folder)).includes("sub")) await age("sub");
      await scan(kept);
      await change();
      expect(await scan(kept)).toMatchObject(expected);
    }
  });

  test("a folder that changed a moment ago is read again, for the clock may not have ticked since", async () => {
    await put("a.png", "123");
    const kept = memory();
    await scan(kept);
    await writeFile(join(folder, "a.png"), "123456");
    expect((await scan(kept)).mediaBytes).toBe(6);
  });

  test("a folder with symlinks is always read: their targets go without a trace", async () => {
    await put("a.png");
    await put("other/b.png");
    await symlink("other/b.png", join(folder, "link.png"));
    await age();
    const kept = memory();
    expect((await scan(kept)).counts.image).toBe(3);
    await unlink(join(folder, "other/b.png"));
    expect((await scan(kept)).counts.image).toBe(1);
  });

  test("only the first missing captions are listed, all are counted", async () => {
    for (let index = 0; index < 15; index++)
      await put(`sub${index % 2}/${String(index).padStart(2, "0")}.png`);
    await age("sub0");
    await age("sub1");
    const kept = memory();
    for (let turn = 0; turn < 2; turn++) {
      const figures = await scan(kept);
      expect(figures.missingCaptionCount).toBe(15);
      expect(figures.missingCaptions).toHaveLength(10);
      expect(figures.missingCaptions[0]).toBe("sub0/00.png");
      expect(figures.missingCaptions[9]).toBe("sub1/03.png");
    }
  });
});
