// /files/…: where links lead. Whoever has one needs no token.
import { Hono } from "hono";
import { FILES_PATH } from "../shared/file-links.ts";
import type { AppEnv } from "./app-env.ts";
import { type AddressOf, tooMany } from "./auth/door.ts";
import type { FailureLimit } from "./auth/failures.ts";
import type { FileHandler } from "./forward-files.ts";

const METHODS = ["GET", "PUT", "PATCH", "POST", "DELETE"];
const PATHS = [`${FILES_PATH}:token`, `${FILES_PATH}:token/`, `${FILES_PATH}:token/:name`];

/** What a machine sends is never a page of ours: no browser may run any of it under the router's name. */
const HEADERS = {
  "content-security-policy": "default-src 'none'; sandbox",
  // The address is the permission.
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex",
};

export function fileRoutes(files: FileHandler, failures: FailureLimit, addressOf: AddressOf): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.on(METHODS, PATHS, async (c) => {
    const response = await files(c.req.raw);
    const waitSeconds = response.status === 404 ? failures.failed(addressOf(c)) : undefined;
    if (waitSeconds !== undefined) {
      await response.body?.cancel();
      return tooMany(c, waitSeconds);
    }
    const headers = new Headers(response.headers);
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
    return new Response(response.body, { status: response.status, headers });
  });
  return app;
}
