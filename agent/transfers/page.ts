// The page at an upload link: for people with a browser, also on a phone, and for one file without script. Nothing is
// loaded from anywhere, and nothing runs but what its policy names (shared/upload-page.ts).
import { PAGE_TYPE } from "../../shared/upload-page.ts";
import { text } from "./answers.ts";
import type { UploadPurpose } from "./link-store.ts";
import { PAGE_SCRIPT } from "./page-script.ts";

// Contrast as WCAG 2.2 AA has it, in both schemes: 4.5 for words, 3 for what shows where something is.
export const PAGE_STYLE = `:root{color-scheme:light dark;--line:#767676;--key:#0b57d0;--on-key:#fff;--good:#1a7f37;--bad:#c62828;--warn:#8a5a00}
@media (prefers-color-scheme:dark){:root{--line:#8f8f8f;--key:#8ab4f8;--on-key:#0b1a33;--good:#4ac26b;--bad:#ff8a80;--warn:#e3b341}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:0 auto;padding:1.5rem 1rem 3rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}
h1 em{font-style:normal;color:var(--key)}
p{margin:0 0 1rem}
#drop{border:2px dashed var(--line);border-radius:.75rem;padding:1.25rem 1rem}
#drop.over{border-color:var(--key);border-style:solid;background:color-mix(in srgb,var(--key) 12%,transparent)}
.choice+.choice,button{margin-top:1rem}
label{display:block;margin-bottom:.5rem;font-weight:600}
input{display:block;width:100%;font:inherit;border-radius:.5rem}
button,::file-selector-button{font:inherit;min-height:2.75rem;padding:.5rem 1rem;border:1px solid var(--key);border-radius:.5rem;cursor:pointer}
::file-selector-button{margin-right:.75rem;background:transparent;color:var(--key)}
button{background:var(--key);color:var(--on-key);font-weight:600}
input:disabled,:disabled::file-selector-button{opacity:.6;cursor:default}
:focus-visible{outline:3px solid var(--key);outline-offset:3px}
#sending{margin-top:1.5rem}
progress{display:block;width:100%;height:1rem;accent-color:var(--key)}
#detail{margin:.5rem 0 0;font-variant-numeric:tabular-nums}
#status{min-height:1.5rem;margin:1rem 0 .5rem;font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
ul{margin:0;padding-left:1.25rem}
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

/** What went wrong, for people. */
export interface Problem {
  readonly message: string;
  readonly hint?: string | undefined;
}

const WHAT: Readonly<Record<PageFacts["kind"], string>> = {
  dataset: "Images or videos with their captions.",
  control: "Control images, named like the images that they belong to.",
  sample_image: "An image for sample prompts.",
};
const CHOICE: Readonly<Record<PageFacts["kind"], string>> = {
  dataset: "Images and captions, or one zip, tar or tar.gz",
  control: "Control images, or one zip, tar or tar.gz",
  sample_image: "The image",
};
const IF_THERE: Readonly<Record<PageFacts["on_conflict"], string>> = {
  refuse: "If a data set of this name exists already, nothing is changed.",
  append: "If it exists already, new files are added to it.",
  replace: "If it exists already, the new one takes its place and the old one goes to the trash.",
};

const UNPACKING = "All is there, and is being unpacked. Open this link again to see how it went.";

export const uploadPage = (facts: PageFacts) => page(200, facts);

/** The page again, with what went wrong; of a form that was sent without script. */
export const refusedPage = (status: number, facts: PageFacts, problem: Problem) =>
  page(status, facts, problem);

function page(status: number, facts: PageFacts, problem?: Problem): Response {
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Upload to ${escaped(facts.dataset)}</title><style>${PAGE_STYLE}</style></head>
<body><main>
${bodyOf(facts, problem)}
</main></body></html>
`;
  return text(status, PAGE_TYPE, html);
}

function bodyOf(facts: PageFacts, problem?: Problem): string {
  const { kind, dataset, on_conflict, expires_at, outcome, unpacking } = facts;
  const [said, how] = problem
    ? [sentence(problem), "bad"]
    : outcome
      ? [wordsOf(outcome), outcome["success"] === false ? "bad" : "good"]
      : [unpacking ? UNPACKING : "", ""];
  return `<h1>Upload to <em>${escaped(dataset)}</em></h1>
<p>${WHAT[kind]} ${IF_THERE[on_conflict]} This page works until <time id="until" datetime="${expires_at}">${expires_at.slice(0, 16).replace("T", ", ")} UTC</time>.</p>
<form id="form" method="post" enctype="multipart/form-data">
<div id="drop">
<p id="more" hidden>Drop files, a folder or an archive here, or choose them:</p>
<div class="choice"><label for="files">${CHOICE[kind]}</label><input id="files" name="file" type="file" multiple></div>
<div class="choice" id="folders" hidden><label for="folder">A whole folder</label><input id="folder" type="file" webkitdirectory></div>
<button id="send">Upload</button>
</div>
</form>
<div id="sending" hidden><progress id="bar" max="1" value="0" aria-label="Upload" aria-describedby="detail"></progress><p id="detail"></p></div>
<p id="status" role="status" class="${how}">${escaped(said)}</p>
<ul id="outcome"></ul>
<noscript><p>Without script this page cannot go on after a cut. For more than a few files send one archive.</p></noscript>
<script>${PAGE_SCRIPT}</script>`;
}

const sentence = ({ message, hint }: Problem) => (hint ? `${message}. ${hint}.` : `${message}.`);

function wordsOf(outcome: Readonly<Record<string, unknown>>): string {
  const { success, error, hint } = outcome;
  if (success === false) return `Nothing was taken: ${[error, hint].filter(Boolean).join(". ")}.`;
  const { dataset, files_saved, captions_saved, files_failed, files_skipped } = outcome;
  const rest = [
    ...(files_failed ? [`${files_failed} failed`] : []),
    ...(files_skipped ? [`${files_skipped} left out`] : []),
  ];
  const saved = `${counted(files_saved, "file")} and ${counted(captions_saved, "caption")} are in ${dataset}`;
  return `Done: ${[saved, ...rest].join(", ")}.`;
}

const counted = (count: unknown, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

function escaped(words: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return words.replace(/[&<>"]/g, (character) => entities[character] ?? "");
}
