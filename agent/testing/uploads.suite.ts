// What holds of every upload, by whatever way the bytes come.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SIZES } from "../tools/datasets/trainer-caches.ts";
import { zip } from "./archives.ts";
import { BAD_ARCHIVES } from "./bad-archives.ts";
import type { Json } from "./caller.ts";
import { shell } from "./curl.ts";
import { scratch } from "./scratch.ts";
import { putConfig, putRun, type Server } from "./subject.ts";
import { openUploadPlace, type UploadPlace } from "./upload-place.ts";
import { uploadProtocol } from "./upload-protocol.ts";
import { uploadsTooLarge } from "./uploads-too-large.ts";

export interface UploadSuiteOptions {
  /** In the large data set. */
  readonly images?: number;
  /** Calls go over a line, which takes none of more than 32 MB. */
  readonly overLine?: boolean;
}

/** Pictures of every colour, each with its caption. */
export async function pictures(count: number): Promise<{ name: string; data: Buffer | string }[]> {
  const made = await Promise.all(
    Array.from({ length: count }, async (_none, index) => {
      const background = { r: index % 256, g: (index * 7) % 256, b: (index * 31) % 256 };
      const name = `picture ${String(index).padStart(5, "0")}`;
      const data = await sharp({ create: { width: 512, height: 512, channels: 3, background } })
        .jpeg()
        .toBuffer();
      return [
        { name: `${name}.jpg`, data },
        { name: `${name}.txt`, data: `a photo of colour ${index}` },
      ];
    }),
  );
  return made.flat();
}

export function uploadSuite(
  name: string,
  start: () => Promise<Server>,
  { images = 40, overLine = false }: UploadSuiteOptions = {},
): void {
  describe(`uploads: ${name}`, () => {
    let opened: UploadPlace;
    beforeAll(async () => {
      opened = await openUploadPlace(start);
    }, 60_000);
    afterAll(() => opened.server.close());
    const place = () => opened;

    uploadProtocol(place);
    uploadsTooLarge(place, { overLine });

    test(`a zip of ${images} pictures, by curl exactly as printed, becomes a data set that preflight accepts`, async () => {
      const { subject, linkTo, leftovers } = place();
      const files = await pictures(images);
      const folder = await scratch();
      await writeFile(
        join(folder, "many.zip"),
        zip(files.map((file) => ({ ...file, name: `my set/${file.name}` }))),
      );
      const { curl } = await linkTo("many");
      const { code, stdout, stderr } = await shell(String(curl), folder);
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        success: true,
        dataset: "many",
        files_saved: images,
        captions_saved: images,
        files_failed: 0,
        files_skipped: 0,
      });
      expect(await subject.call("get_dataset_info", { name: "many" })).toMatchObject({
        image_count: images,
        captions_complete: true,
      });
      await putConfig(
        subject.paths,
        "many",
        JSON.stringify({
          job: "extension",
          config: {
            name: "many",
            process: [
              {
                type: "diffusion_trainer",
                training_folder: subject.paths.output,
                network: { type: "lora", linear: 4, linear_alpha: 4 },
                datasets: [{ folder_path: join(subject.paths.datasets, "many"), resolution: 512 }],
                train: { steps: 10, disable_sampling: true },
                model: { name_or_path: "nobody/nothing", arch: "sd1" },
              },
            ],
          },
        }),
      );
      const { checks } = await subject.call("preflight", { config_name: "many" });
      const bad = (checks as { level?: string; check?: string }[]).filter(({ level }) => level === "error");
      expect(bad).toEqual([]);
      expect(await leftovers()).toEqual([]);
    }, 240_000);

    test("a folder goes by the line with tar, and one folder around all is taken off", async () => {
      const { jpeg, png, linkTo, filesOf } = place();
      const folder = await scratch();
      await mkdir(join(folder, "sub"));
      await writeFile(join(folder, "a.jpg"), jpeg);
      await writeFile(join(folder, "a.txt"), "a cat");
      await writeFile(join(folder, "sub", "b.png"), png);
      await writeFile(join(folder, ".DS_Store"), "x");
      const { curl_folder } = await linkTo("folder");
      const { code, stdout, stderr } = await shell(String(curl_folder), folder);
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ files_saved: 2, captions_saved: 1, files_skipped: 1 });
      expect(await filesOf("folder")).toEqual(["a.jpg", "a.txt", "sub", "sub/b.png"]);
    });

    test("every line says why an upload is refused, and ends as a failure", async () => {
      const { jpeg, linkTo } = place();
      const folder = await scratch();
      await writeFile(join(folder, "no.zip"), zip([{ name: "../evil.jpg", data: jpeg }]));
      const link = await linkTo("no");
      for (const line of ["curl", "curl_resume"]) {
        const { code, stdout } = await shell(String(link[line]), folder);
        expect(JSON.parse(stdout), line).toMatchObject({
          success: false,
          error: expect.stringContaining("refused"),
        });
        expect(code, line).not.toBe(0);
      }
      const elsewhere = await shell(String(link["curl_resume"]), await scratch());
      expect(elsewhere).toMatchObject({
        stdout: "",
        stderr: expect.stringMatching(/^[^\n]*no\.zip[^\n]*\n$/),
      });
      expect(elsewhere.code).not.toBe(0);
    });

    test("a form without script takes files, and answers with a page", async () => {
      const { jpeg, linkTo, filesOf } = place();
      const { url } = await linkTo("by-form");
      const form = new FormData();
      form.append("file", new File([new Uint8Array(jpeg)], "cat ü.jpg"));
      form.append("file", new File(["a cat"], "cat ü.txt"));
      const response = await fetch(String(url), {
        method: "POST",
        body: form,
        headers: { accept: "text/html" },
      });
      expect([response.status, response.headers.get("content-type")]).toEqual([
        200,
        "text/html; charset=utf-8",
      ]);
      expect(await response.text()).toContain("Done: 1 file and 1 caption are in by-form.");
      expect(await filesOf("by-form")).toEqual(["cat ü.jpg", "cat ü.txt"]);
    });

    const part = (name: string, data: string) =>
      `--edge\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: image/jpeg\r\n\r\n${data}\r\n`;
    test.each<[string, string, string, string]>([
      ["with more files than it takes", "edge", `${part("a.txt", "a").repeat(1_001)}--edge--`, "1000 files"],
      ["that ends in the middle of a file", "edge", part("a.txt", "a").slice(0, -4), "form is damaged"],
      ["without its boundary", "", part("a.txt", "a"), "form is damaged"],
      ["without a file", "edge", "--edge--\r\n", "no file in the form"],
    ])("a form %s is refused, and nothing of it is left", async (_what, boundary, body, why) => {
      const { linkTo, leftovers } = place();
      const { url } = await linkTo("bad-form");
      const type = `multipart/form-data${boundary && `; boundary=${boundary}`}`;
      const headers = { "content-type": type, connection: "close" };
      const response = await fetch(String(url), { method: "POST", body, headers });
      const json = (await response.json()) as Json;
      expect([response.status, json]).toMatchObject([400, { error: expect.stringContaining(why) }]);
      expect(await leftovers()).toEqual([]);
      expect(await (await fetch(String(url))).json()).toMatchObject({ received: 0, length: null });
    });

    test("what a browser without script is refused it reads on the page, and a link that ended has a page, too", async () => {
      const { subject, linkTo } = place();
      const { url, link_id } = await linkTo("by-form refused");
      const page = async (init: RequestInit) => {
        const headers = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
        const response = await fetch(String(url), { ...init, headers });
        expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
        return { status: response.status, html: await response.text() };
      };
      const form = new FormData();
      form.append("file", new File(["x"], "note.md"));
      const refused = await page({ method: "POST", body: form });
      expect(refused.status).toBe(400);
      expect(refused.html).toContain(
        "The upload is refused: there is nothing in it that ai-toolkit trains on",
      );
      expect(refused.html).not.toContain("Invalid parameters");
      expect(refused.html).toContain('<input id="files"'); // to try again
      await subject.call("revoke_link", { link_id });
      const ended = await page({});
      expect(ended.status).toBe(404);
      expect(ended.html).toContain("<h1>This link does not work: it is wrong, expired or revoked</h1>");
      expect(ended.html).toContain("Ask who gave it to you for a new one");
    });

    test("what exists is refused, added to or replaced, as the link says", async () => {
      const { subject, jpeg, png, filesOf, send } = place();
      const first = zip([
        { name: "a.jpg", data: jpeg },
        { name: "a.txt", data: "one" },
      ]);
      expect((await send("twice", first)).status).toBe(200);
      const refused = await subject.execute("create_upload_link", { name: "twice" });
      expect(refused).toMatchObject({ status: 409, code: "conflict" });
      const second = zip([
        { name: "a.jpg", data: jpeg },
        { name: "a.txt", data: "two" },
        { name: "b.png", data: png },
        { name: "b.txt", data: "b" },
      ]);
      expect((await send("twice", second, { on_conflict: "append" })).json).toMatchObject({
        files_saved: 1,
        captions_saved: 1,
        files_failed: 2,
        failed: [
          { file: "a.jpg", reason: "it exists" },
          { file: "a.txt", reason: "its picture was not taken" },
        ],
      });
      expect(await readFile(join(subject.paths.datasets, "twice", "a.txt"), "utf8")).toBe("one");
      const third = await send("twice", zip([{ name: "c.png", data: png }]), { on_conflict: "replace" });
      expect(await filesOf("twice")).toEqual(["c.png"]);
      await subject.call("delete_dataset", { name: "twice" });
      await subject.call("restore_deleted", { trash_id: third.json["replaced_trash_id"] });
      expect(await filesOf("twice")).toEqual(["a.jpg", "a.txt", "b.png", "b.txt"]);
    });

    test("a link that has made its data set says before any byte that it takes no second one", async () => {
      const { jpeg, linkTo } = place();
      const archive = zip([{ name: "a.jpg", data: jpeg }]);
      const { url, curl_resume } = await linkTo("made");
      expect((await fetch(`${url}/x.zip`, { method: "PUT", body: new Uint8Array(archive) })).status).toBe(
        200,
      );
      const again = await fetch(String(url), { method: "POST", headers: { "upload-length": "1000" } });
      expect([again.status, await again.json()]).toMatchObject([
        409,
        { error: expect.stringContaining("made") },
      ]);
      // What it has made it still tells to whom asks.
      expect(await (await fetch(String(url))).json()).toMatchObject({ outcome: { files_saved: 1 } });
      const folder = await scratch();
      await writeFile(join(folder, "made.zip"), archive);
      expect(JSON.parse((await shell(String(curl_resume), folder)).stdout)).toMatchObject({ files_saved: 1 });
    });

    test("a data set that a run uses is not replaced, and stays whole", async () => {
      const { subject, png, filesOf, send } = place();
      await putRun(subject.paths, "in-use", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
      const before = await filesOf("in-use");
      const { job_id } = await subject.call("start_training", { config_name: "in-use" });
      const archive = zip([{ name: "c.png", data: png }]);
      const { status, json } = await send("in-use", archive, { on_conflict: "replace" });
      expect([status, json["code"]]).toEqual([409, "conflict"]);
      // The trainer adds its own, when it gets to it.
      const after = (await filesOf("in-use")).filter((each) => each !== SIZES);
      expect(after).toEqual(before);
      await subject.call("stop_training", { job_id });
    });

    test("control images lie beside their data set, and an image for prompts comes alone", async () => {
      const { jpeg, png, linkTo, filesOf, send } = place();
      const control = await send(
        "cats",
        zip([
          { name: "a.jpg", data: jpeg },
          { name: "a.txt", data: "x" },
        ]),
        {
          kind: "control",
        },
      );
      expect(control.json).toMatchObject({ dataset: "cats_control", files_saved: 1, files_skipped: 1 });
      const { url } = await linkTo("for-prompts", { kind: "sample_image" });
      const folder = await scratch();
      await writeFile(join(folder, "face.png"), png);
      expect((await shell(`curl -gsf -T face.png '${url}/'`, folder)).code).toBe(0);
      expect(await filesOf("for-prompts")).toEqual(["face.png"]);
    });

    test("each file's outcome is told", async () => {
      const { jpeg, png, send } = place();
      const { status, json } = await send(
        "mixed",
        zip([
          { name: "cat.jpg", data: jpeg },
          { name: "cat.png", data: png },
          { name: "text.jpg", data: "this is no picture, but long enough" },
          { name: "really.png", data: jpeg },
          { name: "README.md", data: "x" },
          { name: "__MACOSX/._cat.jpg", data: "x" },
        ]),
      );
      expect([status, json]).toMatchObject([
        200,
        {
          files_saved: 1,
          files_failed: 3,
          failed: [
            { file: "cat.png", reason: expect.stringContaining("share its caption file") },
            { file: "text.jpg", reason: "The data is not an image" },
            { file: "really.png", reason: expect.stringContaining("JPEG") },
          ],
          files_skipped: 2,
        },
      ]);
    });

    test.each(BAD_ARCHIVES)("%s is refused, and nothing of it is left", async (_what, make, why) => {
      const { filesOf, send, leftovers } = place();
      const before = await filesOf(".");
      const { status, json } = await send("bad", make());
      expect([status, json]).toMatchObject([400, { success: false, code: "invalid_input" }]);
      expect(json["error"]).toContain(why);
      expect(json["hint"]).toBeTruthy();
      expect(await filesOf(".")).toEqual(before);
      expect(await leftovers()).toEqual([]);
    });

    test("the link tells a program what it is for, and takes no more when it is revoked", async () => {
      const { subject, linkTo } = place();
      const { url, link_id } = await linkTo("told");
      expect(await (await fetch(String(url))).json()).toMatchObject({
        kind: "dataset",
        dataset: "told",
        received: 0,
      });
      await subject.call("revoke_link", { link_id });
      expect((await fetch(String(url), { method: "PUT", body: "x" })).status).toBe(404);
    });
  });
}
