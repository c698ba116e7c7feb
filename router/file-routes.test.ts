// What browsers and programs get at links, whatever answers there: the agent itself, a router, or a machine behind it.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { FailureLimit } from "./auth/failures.ts";
import { fileRoutes } from "./file-routes.ts";
import { PROBLEM_STYLE, PROBLEM_STYLE_HASH } from "./problem-page.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const failure = (status: number, error: string, hint?: string) =>
  Response.json({ success: false, code: "x", error, ...(hint && { hint }) }, { status });

/** @param answer of whatever holds the file */
async function ask(answer: Response, init: RequestInit = { headers: BROWSER }) {
  const app = fileRoutes(
    async () => answer,
    undefined,
    new FailureLimit(),
    () => "somebody",
  );
  const response = await app.request("/files/x", init);
  const { status, headers } = response;
  return { status, text: await response.text(), header: (name: string) => headers.get(name) };
}

test("a browser gets a failure as a page under its status, and nothing may run or load there", async () => {
  const answer = failure(503, 'The machine <b>"box"</b> is not connected', "Try again");
  answer.headers.set("content-length", "90");
  answer.headers.set("retry-after", "5");
  const { status, text, header } = await ask(answer);
  expect(status).toBe(503);
  expect(text).toContain("<h1>The machine &#60;b&#62;&#34;box&#34;&#60;/b&#62; is not connected</h1>");
  expect(text).toContain("<p>Try again.</p>");
  expect([header("content-type"), header("content-length")]).toEqual(["text/html; charset=utf-8", null]);
  expect(header("content-security-policy")).toBe(
    `default-src 'none'; sandbox; style-src '${PROBLEM_STYLE_HASH}'`,
  );
  expect([header("cache-control"), header("retry-after")]).toEqual(["private, no-store", "5"]);
});

test("the policy lets in the page's style", () => {
  const hash = createHash("sha256").update(PROBLEM_STYLE).digest("base64");
  expect(PROBLEM_STYLE_HASH).toBe(`sha256-${hash}`);
});

test.each<[string, () => Response, RequestInit]>([
  ["curl", () => failure(404, "gone"), { headers: { accept: "*/*" } }],
  ["who says nothing", () => failure(404, "gone"), {}],
  ["what is no failure", () => failure(200, "gone"), { headers: BROWSER }],
  [
    "a file that is JSON itself",
    () =>
      new Response("{}", {
        status: 416,
        headers: { "content-type": "application/json", "content-disposition": "attachment" },
      }),
    { headers: BROWSER },
  ],
])("%s gets JSON as it came", async (_who, answer, init) => {
  const { status, text, header } = await ask(answer(), init);
  const told = answer();
  expect([status, text]).toEqual([told.status, await told.text()]);
  expect([header("content-type"), header("content-security-policy")]).toEqual([
    "application/json",
    "default-src 'none'; sandbox",
  ]);
});

test("a machine that answers with nonsense, or without end, gives no page of its own", async () => {
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(16_384)) });
  for (const body of ['{"error":{}}', endless]) {
    const answer = new Response(body, { status: 404, headers: { "content-type": "application/json" } });
    const { status, text } = await ask(answer);
    expect([status, text]).toEqual([404, expect.stringContaining("<h1>This link does not work</h1>")]);
  }
});

test("who guesses too often reads how long to wait", async () => {
  const guessing = fileRoutes(
    async () => failure(404, "no"),
    undefined,
    new FailureLimit(),
    () => "one",
  );
  const wrong = () => guessing.request("/files/x", { headers: BROWSER });
  for (let count = 0; count < 20; count++) expect((await wrong()).status).toBe(404);
  const often = await wrong();
  expect([often.status, await often.text()]).toEqual([429, expect.stringContaining("<h1>Too many failed")]);
});
