// What the HTTP side of transfers answers beside files.

export function json(
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return text(status, "application/json", `${JSON.stringify(body, null, 2)}\n`, headers);
}

export function text(
  status: number,
  contentType: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, {
    status,
    headers: { "content-type": contentType, "content-length": String(Buffer.byteLength(body)), ...headers },
  });
}

/** A method that a link does not take. */
export class NotAllowed extends Error {
  readonly allow: string;
  constructor(allow: string) {
    super(`This link takes ${allow} only`);
    this.allow = allow;
  }
}

export const notAllowed = (allow: string) => new NotAllowed(allow);
