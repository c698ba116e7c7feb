// What a link to a file looks like, and the lines that use it. The first characters say for which machine it is; the
// rest only that machine can judge.

import { ToolError } from "./errors.ts";

export const FILES_PATH = "/files/";

/** Machine, link, signature. */
const TOKEN = /^([0-9a-z]{8})([A-Za-z0-9_-]{12})([A-Za-z0-9_-]{22})$/;

export interface LinkToken {
  readonly machine: string;
  readonly id: string;
  readonly signature: string;
}

export function parseToken(token: string): LinkToken | undefined {
  const [, machine, id, signature] = TOKEN.exec(token) ?? [];
  return machine && id && signature ? { machine, id, signature } : undefined;
}

export interface LinkPath extends LinkToken {
  /** What follows: `curl -T cats.zip URL/` puts the file's name there. */
  readonly name: string;
}

/** Of a URL's path; undefined when it is no link's. */
export function parseLinkPath(path: string): LinkPath | undefined {
  if (!path.startsWith(FILES_PATH)) return undefined;
  const [token = "", ...rest] = path.slice(FILES_PATH.length).split("/");
  const parsed = parseToken(token);
  if (!parsed || rest.length > 1) return undefined;
  try {
    return { ...parsed, name: decodeURIComponent(rest[0] ?? "") };
  } catch {
    return undefined; // a broken escape
  }
}

/** The same of what somebody asked for. @throws ToolError not_found */
export function askedLink(path: string): LinkPath {
  const link = parseLinkPath(path);
  if (link) return link;
  throw new ToolError("not_found", "This link is not whole: copy all of it, and nothing else");
}

/** How a machine is named in its links. It has to be told from others, not to be secret. */
export function machineTag(machineId: string): string {
  return machineId
    .toLowerCase()
    .replace(/[^0-9a-z]/g, "")
    .padEnd(8, "0")
    .slice(0, 8);
}

/** A path as logs may show it: whoever has a link can use it. */
export function withoutToken(path: string): string {
  return path.startsWith(FILES_PATH) ? `${FILES_PATH}…` : path;
}

/** A word for a POSIX shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A file name for a shell that no program takes for an option. */
const fileWord = (name: string) => shellWord(name.startsWith("-") ? `./${name}` : name);

/** Brackets and braces in a URL are patterns to curl unless it is told otherwise. */
const DOWNLOAD = "curl -gfL";
/** With the words of a refusal, which -f alone keeps back; since curl 7.76 (2021). */
const UPLOAD = "curl -gL --fail-with-body";

export function downloadLine(url: string, fileName: string): string {
  return `${DOWNLOAD} -C - -o ${fileWord(fileName)} ${shellWord(url)}`;
}

export function uploadLine(url: string, fileName: string): string {
  return `${UPLOAD} -T ${fileWord(fileName)} ${shellWord(`${url}/`)}`;
}

/** Where the folder's files lie in the archive does not matter: a single root is taken off. */
export function uploadFolderLine(url: string): string {
  return `tar -cf - . | ${UPLOAD} -T - ${shellWord(url)}`;
}

/** Far below what proxies and Workers take in one request. */
const PART_MIB = 32;

/**
 * Asks how much has arrived and sends the next part, until all has: 204 is a part, 200 the report of the whole, 4xx a
 * refusal, and everything else a line that broke. A conflict is no refusal while more arrives by a line that broke before,
 * and 423 passes. A question that nobody answers is no 0, which would begin anew: then the link itself is asked, which has
 * words for a refusal. Without "Expect:" curl would wait a second before each part for a word that not every server says (workerd does
 * not). For any POSIX shell.
 */
export function uploadResumeLine(url: string, fileName: string): string {
  return `f=${fileWord(fileName)}; u=${shellWord(url)}; at() { curl -gsI "$u" | tr -d '\\r' | sed -n 's/^[Uu]pload-[Oo]ffset: *//p'; }; n=$(wc -c <"$f") && n=$((n)) && while :; do
  o=$(at)
  if [ "$o" ]
  then printf '\\r%s of %s MiB' $((o/1048576)) $((n/1048576)) >&2
    r=$(tail -c "+$((o+1))" "$f" | head -c ${PART_MIB * 1024 * 1024} | curl -gsS -X PATCH -T - -H Expect: -H "Upload-Offset: $o" -H "Upload-Length: $n" -w ' %{http_code}' "$u")
  else r=$(curl -gsS -w ' %{http_code}' "$u" | sed 's/ 200$//')
  fi
  case $r in *' 409') [ "$o" = "$(at)" ] || continue;; esac
  case $r in *' 204') ;; *' 423') sleep 2;; *' 200'|*' 4'??|*' 507') echo >&2; echo "\${r% *}"; break;; *) sleep 2;; esac
done && [ "\${r##* }" = 200 ]`;
}
