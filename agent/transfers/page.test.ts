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

/** WCAG 2.2, relative luminance and contrast. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [one, other]
    .map((colour) => {
      const digits = colour.length === 4 ? colour.replace(/[\da-f]/gi, "$&$&") : colour;
      const [red = 0, green = 0, blue = 0] = (digits.match(/[\da-f]{2}/gi) ?? []).map((pair) => {
        const part = Number.parseInt(pair, 16) / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    })
    .sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** What browsers paint where a page says nothing: Chromium's dark is the lightest. */
const CANVAS = ["#ffffff", "#1e1e1e"];

test("words and edges stand out enough to be seen, in light and in dark", () => {
  const schemes = [...PAGE_STYLE.matchAll(/:root\{([^}]*)\}/g)].map(([, rules = ""]) =>
    Object.fromEntries(
      [...rules.matchAll(/--([\w-]+):(#[\da-f]+)/g)].map(([, name, colour]) => [name, colour]),
    ),
  );
  expect(schemes).toHaveLength(CANVAS.length);
  for (const [index, { line = "", "on-key": onKey = "", ...words }] of schemes.entries()) {
    const canvas = CANVAS[index] ?? "";
    expect(contrast(line, canvas), `line on ${canvas}`).toBeGreaterThanOrEqual(3);
    expect(contrast(onKey, words["key"] ?? ""), "a button's words").toBeGreaterThanOrEqual(4.5);
    for (const [name, colour] of Object.entries<string>(words))
      expect(contrast(colour, canvas), `${name} on ${canvas}`).toBeGreaterThanOrEqual(4.5);
  }
});

test("the script has letters of ASCII only: the build would write others as escapes, and its hash would differ", () => {
  expect(PAGE_SCRIPT).toMatch(/^[\0-\x7f]*$/);
});

test("names are text on the page, whatever they are", async () => {
  const html = await uploadPage(facts).text();
  expect(html).toContain("&lt;b&gt;cats&lt;/b&gt;");
  expect(html).not.toContain("<b>");
});
