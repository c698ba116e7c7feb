// What a person reads whose browser opened a link that does not do: the words that programs get as JSON.
import * as v from "valibot";
import { wantsPage } from "../shared/upload-page.ts";
import { readText } from "./json-body.ts";

/** That of the upload page (agent/transfers/page.ts) as far as words need it: a Worker has to carry it. */
export const PROBLEM_STYLE =
  ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:0 auto;padding:1.5rem 1rem 3rem;overflow-wrap:anywhere}h1{font-size:1.5rem;line-height:1.25}";

/** The style's; a test holds the two together. */
export const PROBLEM_STYLE_HASH = "sha256-mfPW2dpEXGDcNGvL9E1JV+AyE2yzQpVUD4WTdEn6rUY=";

/** A machine may have said it, and more than it should. */
const SAID_BYTES_MAX = 32 * 1024;
const JSON_TYPE = "application/json";
const Said = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ error: v.string(), hint: v.optional(v.string(), "") }),
);

/** @returns undefined when it is no failure, or nobody reads it */
export async function problemPage(
  request: Request,
  { status, headers, body }: Response,
): Promise<string | undefined> {
  if (status < 400 || !body || !wantsPage(request)) return undefined;
  // A file may be JSON, too, and a part of it that is not there a failure.
  if (headers.get("content-type") !== JSON_TYPE || headers.has("content-disposition")) return undefined;
  const text = await readText(body, SAID_BYTES_MAX).catch(() => ""); // too long, or cut off
  const said = v.safeParse(Said, text);
  const { error, hint } = said.success ? said.output : { error: "This link does not work", hint: "" };
  const title = escaped(error);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title><style>${PROBLEM_STYLE}</style>
<main><h1>${title}</h1>
${hint && `<p>${escaped(hint)}.</p>`}</main>
`;
}

const escaped = (words: string) => words.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
