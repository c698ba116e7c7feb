// /files/…: where links lead. Whoever has one needs no token.
import { Hono } from "hono";
import { FILES_PATH } from "../shared/file-links.ts";
import { PAGE_POLICY } from "../shared/upload-page.ts";
import type { AppEnv } from "./app-env.ts";
import { type AddressOf, tooMany } from "./auth/door.ts";
import type { FailureLimit } from "./auth/failures.ts";
import type { FileHandler } from "./forward-files.ts";
import type { LinkMakers } from "./link-makers.ts";

const METHODS = ["GET", "PUT", "PATCH", "POST", "DELETE"];
const PATHS = [`${FILES_PATH}:token`, `${FILES_PATH}:token/`, `${FILES_PATH}:token/:name`];

/** No browser may run under the router's name what a machine sends, but for the script of the upload page. */
const FILE_POLICY = "default-src 'none'; sandbox";

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
  app.on(METHODS, PATHS, async (c) => {
    makers?.check(new URL(c.req.url).pathname); // as the path is read further on
    const response = await files(c.req.raw);
    const waitSeconds = response.status === 404 ? failures.failed(addressOf(c)) : undefined;
    if (waitSeconds !== undefined) {
      await response.body?.cancel();
      return tooMany(c, waitSeconds);
    }
    const headers = new Headers(response.headers);
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
    const isPage =
      headers.get("content-type") === "text/html; charset=utf-8" && !headers.has("content-disposition");
    headers.set("content-security-policy", isPage ? PAGE_POLICY : FILE_POLICY);
    return new Response(response.body, { status: response.status, headers });
  });
  return app;
}
