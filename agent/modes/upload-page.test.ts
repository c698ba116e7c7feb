// The upload page in a real browser: Debian's chromium, driven by playwright-core. `.ci/run` installs it; without one
// these tests are left out, and say so.
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { zip } from "../testing/archives.ts";
import { randomBytes, sha256 } from "../testing/downloads.suite.ts";
import { type Network, startNetwork } from "../testing/network.ts";
import type { Program } from "../testing/program.ts";
import { CLIENT_TOKEN, connected, startAgent, startRouter } from "../testing/routed.ts";
import { scratch } from "../testing/scratch.ts";
import { picturePath, type Subject, subjectOf } from "../testing/subject.ts";

const MIB = 1024 * 1024;
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env["CHROMIUM"] ?? PLACES.find((place) => existsSync(place));
if (executablePath === undefined)
  console.warn("The upload page's tests are left out: there is no Chromium here (apt-get install chromium)");

const PATIENCE = { timeout: 60_000 };

describe.skipIf(executablePath === undefined)("the upload page in Chromium", { timeout: 120_000 }, () => {
  let browser: Browser;
  let router: Program;
  let agent: Program;
  /** Between the browser and the router. */
  let network: Network;
  let subject: Subject;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath ?? "",
      args: [
        ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ],
    });
    router = await startRouter();
    agent = await startAgent(router.url, "box");
    await connected(agent);
    network = await startNetwork(router.url);
    subject = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: agent.data });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await network?.close();
    await Promise.all([router?.close(), agent?.close()]);
  });

  async function pageOf(dataset: string, width = 375, more: object = {}): Promise<Page> {
    const link = await subject.call("create_upload_link", { name: dataset, ...more });
    const url = String(link["url"]).replace(router.url, network.url);
    const context = await browser.newContext({ viewport: { width, height: 800 } });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(url);
    expect(problems).toEqual([]);
    return page;
  }
  const filesOf = async (dataset: string) =>
    (await readdir(join(subject.paths.datasets, dataset), { recursive: true })).sort();
  const status = (page: Page) => page.locator("#status");
  const done = (page: Page) => status(page).filter({ hasText: "Done" }).waitFor(PATIENCE);

  test.each([375, 1_280])(
    "at %i pixels nothing hangs over, in light and in dark, and keys reach all",
    async (width) => {
      const page = await pageOf(`wide-${width}`, width);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        const hangsOver = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
        expect(hangsOver).toBe(false);
      }
      const reached: unknown[] = [];
      for (let step = 0; step < 2; step++) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate("document.activeElement.id"));
      }
      expect(reached).toEqual(["files", "folder"]);
      expect(await page.locator("label").count()).toBe(2);
    },
  );

  test("several files, chosen at once, become a data set, long and foreign names too", async () => {
    const folder = await scratch();
    const long = `${"ü".repeat(80)}.jpg`;
    await writeFile(join(folder, long), await readFile(picturePath("img1.jpg")));
    await writeFile(join(folder, "b.png"), await readFile(picturePath("img2.png")));
    await writeFile(join(folder, "b.txt"), "a cat");
    const page = await pageOf("several");
    await page.setInputFiles(
      "#files",
      [long, "b.png", "b.txt"].map((name) => join(folder, name)),
    );
    await done(page);
    expect(await status(page).textContent()).toBe("Done: 2 files and 1 caption are in several.");
    expect(await filesOf("several")).toEqual(["b.png", "b.txt", long]);
  });

  test("a folder that is dropped is sent with all that lies in it", async () => {
    const page = await pageOf("dropped", 1_280);
    const picture = (await readFile(picturePath("img1.jpg"))).toString("base64");
    await page.evaluate(`(() => {
      const bytes = Uint8Array.from(atob("${picture}"), (letter) => letter.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], "one.jpg"));
      data.items.add(new File(["a caption"], "one.txt"));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await done(page);
    expect(await filesOf("dropped")).toEqual(["one.jpg", "one.txt"]);
  });

  test("an upload that is cut goes on by itself, and shows how far it is", async () => {
    const folder = await scratch();
    const film = randomBytes(40 * MIB);
    const archive = join(folder, "set.zip");
    await writeFile(archive, zip([{ name: "film.mp4", data: film }]));
    const page = await pageOf("cut");
    // A line slow enough that there is something left to cut.
    const devtools = await page.context().newCDPSession(page);
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 8 * MIB };
    await devtools.send("Network.emulateNetworkConditions", slow);
    await page.setInputFiles("#files", archive);
    for (let cut = 0; cut < 3; cut++) {
      await status(page).filter({ hasText: "Sending set.zip" }).waitFor(PATIENCE);
      const detail = page
        .locator("#detail")
        .filter({ hasText: /^[\d.]+ [KM]B of 40\.0 MB, [\d.]+ [KM]B\/s, about \d+ s left$/ });
      await detail.waitFor(PATIENCE);
      expect(await page.title()).toMatch(/^\d+% - Upload to cut$/);
      await network.weather("down");
      await status(page).filter({ hasText: "The line is cut" }).waitFor(PATIENCE);
      await network.weather("fair");
    }
    await done(page);
    expect(await page.evaluate('document.getElementById("bar").value')).toBe(1);
    expect(await page.title()).toBe("Upload to cut");
    expect(sha256(await readFile(join(subject.paths.datasets, "cut", "film.mp4")))).toBe(sha256(film));
  });

  test("what is refused is said in words, and the page takes another try", async () => {
    const folder = await scratch();
    await writeFile(join(folder, "bad.zip"), zip([{ name: "../evil.jpg", data: "x" }]));
    await writeFile(
      join(folder, "good.zip"),
      zip([
        { name: "a.jpg", data: await readFile(picturePath("img1.jpg")) },
        { name: "note.md", data: "x" },
      ]),
    );
    const page = await pageOf("tries");
    await page.setInputFiles("#files", join(folder, "bad.zip"));
    await status(page).filter({ hasText: "The upload is refused" }).waitFor(PATIENCE);
    await page.setInputFiles("#files", join(folder, "good.zip"));
    await done(page);
    expect(await page.locator("#outcome li").allTextContents()).toEqual([
      "note.md was left out: nothing that ai-toolkit trains on",
    ]);
  });

  test("a page whose data set is there takes no second one, and says why", async () => {
    const page = await pageOf("once");
    await page.setInputFiles("#files", picturePath("img1.jpg"));
    await done(page);
    await page.setInputFiles("#files", picturePath("img2.png"));
    await status(page).filter({ hasText: "once exists" }).waitFor(PATIENCE);
    expect(await filesOf("once")).toEqual(["img1.jpg"]);
  });

  test("a data set that others make meanwhile ends an upload with the reason, not as a cut", async () => {
    const page = await pageOf("meanwhile");
    // Between the beginning of the upload and its first part.
    await page.route("**/files/**", async (route) => {
      if (route.request().method() === "PATCH")
        await mkdir(join(subject.paths.datasets, "meanwhile"), { recursive: true });
      await route.continue();
    });
    await page.setInputFiles("#files", picturePath("img1.jpg"));
    await status(page).filter({ hasText: "meanwhile exists" }).waitFor(PATIENCE);
  });

  test("a link that has ended, or whose machine is off, says so on a page in the same style", async () => {
    const { url, link_id } = await subject.call("create_upload_link", { name: "ended" });
    await subject.call("revoke_link", { link_id });
    const elsewhere = String(url).replace(/\/files\/\w{8}/, "/files/00000000");
    const context = await browser.newContext({ viewport: { width: 375, height: 800 } });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const refused: string[] = [];
    page.on("console", (message) => /Content Security/.test(message.text()) && refused.push(message.text()));
    for (const [link, status, says, advises] of [
      [url, 404, "This link does not work: it is wrong, expired or revoked", "Ask who gave it to you"],
      [elsewhere, 503, "The machine that this link is for is not connected", "Try again when it is back"],
    ] as const) {
      const answer = await page.goto(String(link));
      expect([answer?.status(), await page.title()]).toEqual([status, says]);
      expect(await page.locator("h1").textContent()).toBe(says);
      expect(await page.locator("p").textContent()).toContain(advises);
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        const look = await page.evaluate(`(() => {
          const { fontSize, color } = getComputedStyle(document.querySelector("h1"));
          return [fontSize, color, document.documentElement.scrollWidth > innerWidth];
        })()`);
        expect(look).toEqual(["24px", colorScheme === "dark" ? "rgb(255, 255, 255)" : "rgb(0, 0, 0)", false]);
      }
    }
    expect(refused).toEqual([]);
  });

  test("a page whose link is still at work on an upload before waits for it", async () => {
    const page = await pageOf("waits");
    let isBusy = true;
    await page.route("**/files/**", async (route) => {
      if (isBusy && route.request().method() === "POST") await route.fulfill({ status: 423, body: "{}" });
      else await route.continue();
    });
    await page.setInputFiles("#files", picturePath("img1.jpg"));
    await status(page).filter({ hasText: "still being unpacked" }).waitFor(PATIENCE);
    isBusy = false;
    await done(page);
  });

  test("a page stops when another upload has begun at its link, and puts no byte into that", async () => {
    const folder = await scratch();
    const film = randomBytes(20 * MIB);
    await writeFile(join(folder, "film.mp4"), film);
    const page = await pageOf("two");
    const link = network.url + new URL(page.url()).pathname;
    const other = { method: "POST", headers: { "upload-length": "9" } };
    // Between its first part and its second.
    await page.route("**/files/**", async (route) => {
      if (route.request().headers()["upload-offset"] === String(16 * MIB))
        expect((await fetch(link, other)).status).toBe(201);
      await route.continue();
    });
    await page.setInputFiles("#files", join(folder, "film.mp4"));
    await status(page).filter({ hasText: "Another upload has begun" }).waitFor(PATIENCE);
    expect(await (await fetch(link)).json()).toMatchObject({ received: 0, length: 9 });
  });

  test("without script one file goes by the form", async () => {
    const link = await subject.call("create_upload_link", { name: "plain" });
    const context = await browser.newContext({ javaScriptEnabled: false });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(String(link["url"]));
    await page.setInputFiles("#files", picturePath("img1.jpg"));
    await page.click("#send");
    await done(page);
    expect(await filesOf("plain")).toEqual(["img1.jpg"]);
  });
});
