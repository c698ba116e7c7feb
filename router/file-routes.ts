// /files/…: where links lead. Whoever has one needs no token.
import { Hono } from "hono";
import { FILES_PATH } from "../shared/file-links.ts";
import { PAGE_POLICY, PAGE_TYPE } from "../shared/upload-page.ts";
import type { AppEnv } from "./app-env.ts";
import { type AddressOf, tooMany } from "./auth/door.ts";
import type { FailureLimit } from "./auth/failures.ts";
import type { FileHandler } from "./forward-files.ts";
import type { LinkMakers } from "./link-makers.ts";
import { PROBLEM_STYLE_HASH, problemPage } from "./problem-page.ts";

const METHODS = ["GET", "PUT", "PATCH", "POST", "DELETE"];
/** Also what can be no link: whoever answers for links says so. */
const BELOW = `${FILES_PATH}*`;
const PATHS = [`${FILES_PATH}:token`, `${FILES_PATH}:token/`, `${FILES_PATH}:token/:name`, BELOW];

/** No browser may run under the router's name what a machine sends, but for the script of the upload page. */
const FILE_POLICY = "default-src 'none'; sandbox";
const PROBLEM_POLICY = `${FILE_POLICY}; style-src '${PROBLEM_STYLE_HASH}'`;

const HEADERS = {
  // The address is the permission: no other site hears of it. (With none at all, a form would come from nowhere.)
  "referrer-policy": "same-origin",
  "x-robots-tag": "noindex",
  // A link ends; a copy in a proxy would not. (What has an etag has no such word otherwise: router/browsers.ts.)
  "cache-control": "private, no-store",
};

export function fileRoutes(
  files: FileHandler,
  makers: Pick<LinkMakers, "check"> | undefined,
  failures: FailureLimit,
  addressOf: AddressOf,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(BELOW, async (c, next) => {
    await next();
    const answer = c.res;
    const headers = new Headers(answer.headers);
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
    const page = await problemPage(c.req.raw, answer);
    if (page) {
      headers.set("content-type", PAGE_TYPE);
      headers.delete("content-length");
    }
    const isPage = headers.get("content-type") === PAGE_TYPE && !headers.has("content-disposition");
    headers.set("content-security-policy", page ? PROBLEM_POLICY : isPage ? PAGE_POLICY : FILE_POLICY);
    c.res = undefined; // or it would keep its headers
    c.res = new Response(page ?? answer.body, { status: answer.status, headers });
  });
  app.on(METHODS, PATHS, async (c) => {
    makers?.check(new URL(c.req.url).pathname); // as the path is read further on
    const response = await files(c.req.raw);
    const waitSeconds = response.status === 404 ? failures.failed(addressOf(c)) : undefined;
    if (waitSeconds === undefined) return response;
    await response.body?.cancel();
    return tooMany(c, waitSeconds);
  });
  return app;
}
