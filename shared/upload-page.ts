// What may run on the upload page. The machine makes the page; the router, under whose name it is shown, lets nothing run but
// the script and style that these are the SHA-256 of (agent/transfers/page.test.ts holds the two together). An agent of
// another version shows a page without script, which works, too.
const SCRIPT = "sha256-ViP6Aim5A9ibz/FvIsCglCnGaX3Lc0uTT0liyDrEgCo=";
const STYLE = "sha256-5lrb+r1yoxqs7rjgxR443Fh3B6ftW4D2dwyCvIDAN3I=";

export const PAGE_POLICY = [
  "default-src 'none'",
  `script-src '${SCRIPT}'`,
  `style-src '${STYLE}'`,
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const PAGE_TYPE = "text/html; charset=utf-8";

/** A browser goes there, not curl or a program; nor the script of a page. */
export const wantsPage = ({ headers }: Request) => headers.get("accept")?.includes("text/html") ?? false;
