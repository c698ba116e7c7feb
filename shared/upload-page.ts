// What may run on the upload page. The machine makes the page; the router, under whose name it is shown, lets nothing run but
// the script and style that these are the SHA-256 of (agent/transfers/page.test.ts holds the two together). An agent of
// another version shows a page without script, which works, too.
const SCRIPT = "sha256-R4K2Ku+CBzAJfO4rPRJf27AabgyvKUEcbyZKUHUP9Kg=";
const STYLE = "sha256-6z6agXIT2iuL9xdxD/TaSNX3FXL01JPAOSQHGzZuwUQ=";

export const PAGE_POLICY = [
  "default-src 'none'",
  `script-src '${SCRIPT}'`,
  `style-src '${STYLE}'`,
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");
