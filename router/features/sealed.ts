// What a client keeps for us and brings back: readable, but signed for one purpose and one caller.
import * as v from "valibot";

const encoder = new TextEncoder();

/** Different purposes, and different callers, never read each other's. */
export interface Seal {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly purpose: string;
  readonly caller: string;
}

const hmac = ({ key }: Seal, use: "sign" | "verify") =>
  crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, [use]);
const signed = ({ purpose, caller }: Seal, body: string) =>
  encoder.encode(JSON.stringify([purpose, caller, body]));

export async function seal(by: Seal, content: unknown): Promise<string> {
  const body = toBase64Url(encoder.encode(JSON.stringify(content)));
  const signature = await crypto.subtle.sign("HMAC", await hmac(by, "sign"), signed(by, body));
  return `${body}.${toBase64Url(new Uint8Array(signature))}`;
}

/** undefined: it was not sealed so, or was changed since. */
export async function unseal<S extends v.GenericSchema>(
  by: Seal,
  schema: S,
  text: string,
): Promise<v.InferOutput<S> | undefined> {
  const [, body = "", signature = ""] = /^([\w-]+)\.([\w-]+)$/.exec(text) ?? [];
  const given = fromBase64Url(signature);
  const isOurs = await crypto.subtle.verify("HMAC", await hmac(by, "verify"), given, signed(by, body));
  if (!isOurs) return undefined;
  return v.parse(schema, JSON.parse(new TextDecoder().decode(fromBase64Url(body))));
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
