// The page and the policy under which a router shows it.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { PAGE_POLICY } from "../../shared/upload-page.ts";
import { PAGE_STYLE, uploadPage } from "./page.ts";
import { PAGE_SCRIPT } from "./page-script.ts";

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const facts = {
  kind: "dataset",
  dataset: "<b>cats</b>",
  on_conflict: "refuse",
  expires_at: "2026-11-30T10:00:00.000Z",
  unpacking: false,
  outcome: null,
} as const;

test("the policy lets in this script and this style, and nothing else", () => {
  expect(PAGE_POLICY).toContain(`script-src ${hash(PAGE_SCRIPT)};`);
  expect(PAGE_POLICY).toContain(`style-src ${hash(PAGE_STYLE)};`);
  expect(PAGE_POLICY).not.toMatch(/unsafe|\*|http/);
});

test("names are text on the page, whatever they are", async () => {
  const html = await uploadPage(facts).text();
  expect(html).toContain("&lt;b&gt;cats&lt;/b&gt;");
  expect(html).not.toContain("<b>");
});
