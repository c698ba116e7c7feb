// The files of this machine over HTTP, for whoever has a link. Web standards only: the same handler answers on the LAN and
// what a router passes on.
import { ERRORS, errorBody, ToolError, toToolError } from "../../shared/errors.ts";
import { parseLinkPath } from "../../shared/file-links.ts";
import { downloadResponse } from "./download.ts";
import type { Link, LinkStore } from "./link-store.ts";
import { type DownloadParts, openDownload } from "./open-download.ts";

export interface FilesOptions extends DownloadParts {
  readonly links: () => LinkStore;
  readonly onBug: (error: unknown) => void;
}

/** Never throws: what goes wrong is an answer. */
export type FileHandler = (request: Request) => Promise<Response>;

export class Files {
  readonly #options: FilesOptions;

  constructor(options: FilesOptions) {
    this.#options = options;
  }

  readonly handle: FileHandler = async (request) => {
    try {
      const link = this.#linkOf(request);
      return await this.#answer(request, link);
    } catch (thrown) {
      return this.#failure(thrown);
    }
  };

  /** Why a request is refused before its body is asked for; undefined when it is not. */
  refusal(request: Request): Response | undefined {
    try {
      this.#linkOf(request);
      return undefined;
    } catch (thrown) {
      return this.#failure(thrown);
    }
  }

  #linkOf(request: Request): Link {
    const path = parseLinkPath(new URL(request.url).pathname);
    const link = path && this.#options.links().find(path);
    if (link) return link;
    throw new ToolError("not_found", "This link does not work: it is wrong, expired or revoked", {
      hint: "Ask for a new one with create_download_link or create_upload_link",
    });
  }

  async #answer(request: Request, link: Link): Promise<Response> {
    const { purpose } = link;
    if (purpose.way !== "download") throw new ToolError("internal", "Uploads are not served here");
    if (request.method !== "GET" && request.method !== "HEAD") throw notAllowed("GET, HEAD");
    const source = await openDownload(this.#options, purpose, request.signal);
    return await downloadResponse(request, source);
  }

  #failure(thrown: unknown): Response {
    if (thrown instanceof NotAllowed) {
      const { allow, message } = thrown;
      return json(405, { success: false, code: "invalid_input", error: message }, { allow });
    }
    const error = toToolError(thrown);
    if (error.code === "internal") this.#options.onBug(thrown);
    // Here nobody parses the old server's bodies: a failure is a status that curl sees.
    return json(ERRORS[error.code].http, { success: false, ...errorBody(error) });
  }
}

class NotAllowed extends Error {
  readonly allow: string;
  constructor(allow: string) {
    super(`This link takes ${allow} only`);
    this.allow = allow;
  }
}

export const notAllowed = (allow: string) => new NotAllowed(allow);

export function json(
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const text = `${JSON.stringify(body, null, 2)}\n`;
  return new Response(text, {
    status,
    headers: {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(text)),
      ...headers,
    },
  });
}
