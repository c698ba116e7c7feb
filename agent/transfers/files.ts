// The files of this machine over HTTP, for whoever has a link. Web standards only: the same handler answers on the LAN and
// what a router passes on.
import { ERRORS, errorBody, ToolError, toToolError } from "../../shared/errors.ts";
import { askedLink, type LinkPath } from "../../shared/file-links.ts";
import { json, NotAllowed, notAllowed } from "./answers.ts";
import { downloadResponse } from "./download.ts";
import type { Link, LinkStore } from "./link-store.ts";
import { type DownloadParts, openDownload } from "./open-download.ts";
import { type UploadParts, Uploads } from "./uploads.ts";

export interface FilesOptions extends DownloadParts, Omit<UploadParts, "paths"> {
  readonly links: () => LinkStore;
  readonly onBug: (error: unknown) => void;
}

/** When to try again what has to wait for something else. */
const RETRY_S = 10;

/** Never throws: what goes wrong is an answer. */
export type FileHandler = (request: Request) => Promise<Response>;

export class Files {
  readonly #options: FilesOptions;
  readonly #uploads: Uploads;

  constructor(options: FilesOptions) {
    this.#options = options;
    this.#uploads = new Uploads(options);
  }

  readonly handle: FileHandler = async (request) => {
    try {
      const { path, link } = this.#linkOf(request);
      return await this.#answer(request, link, path.name);
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

  /** Unpacks an upload that was whole when the process that unpacked it ended. */
  async goOn(linkId: string): Promise<void> {
    const link = this.#options.links().live(linkId);
    if (link?.purpose.way === "upload") await this.#uploads.goOn({ ...link, purpose: link.purpose });
  }

  /** Stops uploads; what has come is kept. */
  close(): Promise<void> {
    return this.#uploads.close();
  }

  #linkOf(request: Request): { readonly path: LinkPath; readonly link: Link } {
    const path = askedLink(new URL(request.url).pathname);
    const link = this.#options.links().find(path);
    if (link) return { path, link };
    throw new ToolError("not_found", "This link does not work: it is wrong, expired or revoked", {
      hint: "Ask who gave it to you for a new one: create_download_link and create_upload_link make them",
    });
  }

  async #answer(request: Request, link: Link, name: string): Promise<Response> {
    const { purpose } = link;
    if (purpose.way === "upload") return await this.#uploads.handle(request, { ...link, purpose }, name);
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
    const { http } = ERRORS[error.code];
    const headers = error.code === "busy" ? { "retry-after": String(RETRY_S) } : undefined;
    // Here nobody parses the old server's bodies or sentences: a failure is a status that curl sees.
    return json(http, { success: false, ...errorBody(error), error: error.message }, headers);
  }
}
