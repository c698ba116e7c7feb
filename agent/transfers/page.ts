// The page at an upload link: for people with a browser, also on a phone, and for one file without script. Nothing is
// loaded from anywhere, and nothing runs but what its policy names (shared/upload-page.ts).
import { text } from "./answers.ts";
import type { UploadPurpose } from "./link-store.ts";
import { PAGE_SCRIPT } from "./page-script.ts";

export const PAGE_STYLE = `:root{color-scheme:light dark;--line:#8888;--good:#1a7f37;--bad:#c62828;--warn:#9a6700}
@media (prefers-color-scheme:dark){:root{--good:#4ac26b;--bad:#ff8a80;--warn:#e3b341}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.4rem}
#drop{border:2px dashed var(--line);border-radius:.75rem;padding:1.5rem 1rem;text-align:center}
#drop.over{border-color:Highlight;background:color-mix(in srgb,Highlight 12%,transparent)}
label{display:block;margin:.75rem 0 .25rem;font-weight:600}
input,button{font:inherit;max-width:100%;padding:.5rem;min-height:2.75rem}
:focus-visible{outline:3px solid Highlight;outline-offset:2px}
progress{width:100%;height:1.25rem;margin-top:1rem}
#status{min-height:1.5rem;font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
ul{padding-left:1.25rem}
[hidden]{display:none!important}
`;

export interface PageFacts {
  readonly kind: UploadPurpose["kind"];
  readonly dataset: string;
  readonly on_conflict: UploadPurpose["on_conflict"];
  readonly expires_at: string;
  readonly unpacking: boolean;
  readonly outcome: Readonly<Record<string, unknown>> | null;
}

const WHAT: Readonly<Record<PageFacts["kind"], string>> = {
  dataset: "images or videos with their captions",
  control: "control images, named like the images that they belong to",
  sample_image: "an image for sample prompts",
};
const IF_THERE: Readonly<Record<PageFacts["on_conflict"], string>> = {
  refuse: "If it exists already, nothing is changed.",
  append: "If it exists already, new files are added to it.",
  replace: "If it exists already, the new one takes its place and the old one goes to the trash.",
};

const UNPACKING = "All is there, and is being unpacked. Load this page again to see how it went.";

export function uploadPage(facts: PageFacts): Response {
  return text(200, "text/html; charset=utf-8", htmlOf(facts));
}

function htmlOf({ kind, dataset, on_conflict, expires_at, unpacking, outcome }: PageFacts): string {
  const [day, time] = expires_at.slice(0, 16).split("T");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Upload to ${escaped(dataset)}</title><style>${PAGE_STYLE}</style></head>
<body><main>
<h1>Upload to <em>${escaped(dataset)}</em></h1>
<p>For ${WHAT[kind]}. ${IF_THERE[on_conflict]} This page works until ${day}, ${time} UTC.</p>
<form id="form" method="post" enctype="multipart/form-data">
<div id="drop">
<p id="more" hidden>Drop files, folders or an archive here, or choose them:</p>
<label for="files">Images and captions, or one zip, tar or tar.gz</label>
<input id="files" name="file" type="file" multiple>
<div id="folders" hidden><label for="folder">A whole folder</label><input id="folder" type="file" webkitdirectory></div>
<button id="send">Upload</button>
</div>
</form>
<progress id="bar" max="1" value="0" aria-label="Sent" hidden></progress>
<p id="status" role="status" aria-live="polite">${outcome ? escaped(wordsOf(outcome)) : unpacking ? UNPACKING : ""}</p>
<ul id="outcome"></ul>
<noscript><p>Without script this page takes files up to what one request may carry, and cannot go on after a cut.</p></noscript>
</main><script>${PAGE_SCRIPT}</script></body></html>
`;
}

function wordsOf({
  success,
  error,
  hint,
  files_saved,
  captions_saved,
  files_failed,
  files_skipped,
}: Readonly<Record<string, unknown>>): string {
  if (success === false) return `Nothing was taken: ${[error, hint].filter(Boolean).join(". ")}.`;
  return `Done: ${files_saved} files and ${captions_saved} captions saved, ${files_failed} failed, ${files_skipped} left out.`;
}

function escaped(words: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return words.replace(/[&<>"]/g, (character) => entities[character] ?? "");
}
