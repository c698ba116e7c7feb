// The id of a task that waits for a job. It says all there is to know of the task, so that any process with the same key
// finds it again; signed, for one caller only, so that nobody finds another's.
import * as v from "valibot";

export interface Waiting {
  readonly jobId: string;
  /** Where the job is, if there were several machines to choose from. */
  readonly machine?: string | undefined;
  readonly createdMs: number;
}

const Written = v.tuple([v.string(), v.nullable(v.string()), v.number(), v.string()]);

const encoder = new TextEncoder();
const bytesOf = (caller: string, body: string) => encoder.encode(`task\n${JSON.stringify(caller)}\n${body}`);
const keyFor = (key: Uint8Array<ArrayBuffer>, use: "sign" | "verify") =>
  crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, [use]);

export async function formatTaskId(
  key: Uint8Array<ArrayBuffer>,
  caller: string,
  { jobId, machine, createdMs }: Waiting,
): Promise<string> {
  // Two tasks for one job are two: one may be given up and the other not.
  const nonce = crypto.randomUUID().slice(0, 8);
  const body = toBase64Url(encoder.encode(JSON.stringify([jobId, machine ?? null, createdMs, nonce])));
  const signature = await crypto.subtle.sign("HMAC", await keyFor(key, "sign"), bytesOf(caller, body));
  return `${body}.${toBase64Url(new Uint8Array(signature))}`;
}

/** undefined: it is none of this caller's. */
export async function parseTaskId(
  key: Uint8Array<ArrayBuffer>,
  caller: string,
  id: string,
): Promise<Waiting | undefined> {
  const [, body = "", signature = ""] = /^([\w-]+)\.([\w-]+)$/.exec(id) ?? [];
  const isOurs = await crypto.subtle.verify(
    "HMAC",
    await keyFor(key, "verify"),
    fromBase64Url(signature),
    bytesOf(caller, body),
  );
  if (!isOurs) return undefined;
  const [jobId, machine, createdMs] = v.parse(
    Written,
    JSON.parse(new TextDecoder().decode(fromBase64Url(body))),
  );
  return { jobId, machine: machine ?? undefined, createdMs };
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Of anything that is no base64url: no bytes. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array(); // what is not ours need not be well formed
  }
}
