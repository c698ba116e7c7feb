// Uploads over HTTP: a whole body (PUT), a form (POST), or parts as the tus protocol has them (POST, HEAD, PATCH, DELETE;
// tus.io/protocols/resumable-upload, version 1.0.0 with creation, checksum and termination).
import { invalid, ToolError } from "../../shared/errors.ts";
import { json, notAllowed } from "./answers.ts";
import { type FinishParts, finishUpload, type Outcome } from "./finish-upload.ts";
import { isForm, receiveForm } from "./form.ts";
import type { Link, LinkStore, UploadPurpose } from "./link-store.ts";
import { uploadPage } from "./page.ts";
import { ChecksumMismatch, EMPTY, Staging } from "./staging.ts";
import { datasetExists, taken } from "./unpack/publish.ts";
import type { Staged } from "./unpack/unpack.ts";
import {
  CHECKSUM_MISMATCH,
  checksumOf,
  fileNameOf,
  numberOf,
  TUS,
  TUS_OPTIONS,
  wholeDigest,
} from "./upload-headers.ts";
import { UploadTurns } from "./upload-turns.ts";

export interface UploadParts extends FinishParts {
  readonly paths: { readonly datasets: string; readonly staging: string };
  readonly links: () => LinkStore;
}

type UploadLink = Link & { readonly purpose: UploadPurpose };

export class Uploads {
  readonly #parts: UploadParts;
  readonly #turns = new UploadTurns<Outcome>();

  constructor(parts: UploadParts) {
    this.#parts = parts;
  }

  async handle(request: Request, link: UploadLink, name: string): Promise<Response> {
    switch (request.method) {
      case "GET":
        return this.#show(request, link);
      case "HEAD":
        return this.#state(link);
      case "PUT":
        return this.#put(request, link, name);
      case "PATCH":
        return this.#patch(request, link);
      case "POST":
        return isForm(request) ? this.#form(request, link) : this.#create(request, link, name);
      case "DELETE":
        await this.#turn(link, async () => this.#staging(link).clear());
        return new Response(null, { status: 204, headers: TUS });
      default:
        throw notAllowed("GET, HEAD, PUT, PATCH, POST, DELETE");
    }
  }

  /** Stops what is coming in; unpacking is given up, and begins anew with the next request. */
  close(): Promise<void> {
    return this.#turns.close();
  }

  #staging({ id }: Link): Staging {
    return new Staging(this.#parts.paths.staging, id);
  }

  async #show(request: Request, link: UploadLink): Promise<Response> {
    const { length, outcome } = await this.#staging(link).info();
    const { dataset, kind, on_conflict } = link.purpose;
    const facts = {
      kind,
      dataset,
      on_conflict,
      expires_at: new Date(link.expiresMs).toISOString(),
      received: await this.#staging(link).offset(),
      length,
      unpacking: this.#turns.isFinishing(link.id),
      outcome,
    };
    return request.headers.get("accept")?.includes("text/html") ? uploadPage(facts) : json(200, facts);
  }

  /** How much is here. Whoever asks is about to go on: bytes of a request before, should they still come, no longer count. */
  async #state(link: UploadLink): Promise<Response> {
    return await this.#turn(link, async () => {
      const { length } = await this.#staging(link).info();
      const headers = {
        ...TUS_OPTIONS,
        "upload-offset": String(await this.#staging(link).offset()),
        ...(length === null ? { "upload-defer-length": "1" } : { "upload-length": String(length) }),
      };
      return new Response(null, { status: 200, headers });
    });
  }

  async #create(request: Request, link: UploadLink, name: string): Promise<Response> {
    const { headers } = request;
    const length = numberOf(headers.get("upload-length"));
    if (length === undefined && headers.get("upload-defer-length") !== "1") {
      throw invalid(
        "Say how long the upload is (Upload-Length), or send it whole: curl -T FILE URL",
        "POST begins a resumable upload as in tus 1.0.0, or takes a form",
      );
    }
    await this.#refuseConflict(link);
    await this.#turn(link, () =>
      this.#staging(link).begin({
        ...EMPTY,
        length: length ?? null,
        name: fileNameOf(headers.get("upload-metadata")) ?? name,
        sha256: wholeDigest(headers),
      }),
    );
    const location = new URL(request.url).pathname.replace(/\/$/, "");
    return new Response(null, { status: 201, headers: { ...TUS, location, "upload-offset": "0" } });
  }

  async #put(request: Request, link: UploadLink, name: string): Promise<Response> {
    const { headers } = request;
    await this.#refuseConflict(link);
    const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "");
    const length = range ? Number(range[3]) : numberOf(headers.get("content-length"));
    await this.#turn(link, async (signal) => {
      const staging = this.#staging(link);
      if (range && Number(range[1]) > 0) await this.#continue(staging, Number(range[1]), length);
      else await staging.begin({ ...EMPTY, length: length ?? null, name, sha256: wholeDigest(headers) });
      await staging.append(request.body, signal);
    });
    return await this.#whole(link, length ?? undefined, true);
  }

  async #patch(request: Request, link: UploadLink): Promise<Response> {
    const { headers } = request;
    const at = numberOf(headers.get("upload-offset"));
    if (at === undefined) throw invalid("Say where this part begins: Upload-Offset");
    await this.#refuseConflict(link);
    const length = numberOf(headers.get("upload-length"));
    const checksum = checksumOf(headers.get("upload-checksum"));
    let offset = 0;
    try {
      await this.#turn(link, async (signal) => {
        const staging = this.#staging(link);
        const { outcome } = await staging.info();
        if (outcome === null || at === 0 || at !== (await staging.offset())) {
          await this.#continue(staging, at, length);
          await staging.append(request.body, signal, checksum);
        }
        offset = await staging.offset();
      });
    } catch (error) {
      if (!(error instanceof ChecksumMismatch)) throw error;
      return json(
        CHECKSUM_MISMATCH,
        { success: false, code: "invalid_input", error: "This part was damaged on its way; send it again" },
        TUS,
      );
    }
    const info = await this.#staging(link).info();
    if (info.length === null || offset < info.length) {
      return new Response(null, { status: 204, headers: { ...TUS, "upload-offset": String(offset) } });
    }
    return await this.#whole(link, info.length, !headers.has("tus-resumable"));
  }

  /** @throws ToolError conflict when what is here ends elsewhere */
  async #continue(staging: Staging, at: number, length: number | undefined): Promise<void> {
    const info = await staging.info();
    if (at === 0 && (info.outcome !== null || length !== undefined)) {
      await staging.begin({
        ...EMPTY,
        name: info.outcome ? "" : info.name,
        length: length ?? info.length,
        sha256: info.sha256,
      });
      return;
    }
    const offset = await staging.offset();
    if (info.outcome !== null || at !== offset) {
      throw new ToolError("conflict", `This upload stands at byte ${offset}, not ${at}`, {
        hint: "A HEAD request tells where to go on; DELETE begins anew",
      });
    }
    if (length === undefined || length === info.length) return;
    if (info.length !== null) throw invalid(`This upload has ${info.length} bytes, not ${length}`);
    await staging.setInfo({ ...info, length });
  }

  /** A form that did not come whole leaves nothing: no request could go on with it. */
  async #form(request: Request, link: UploadLink): Promise<Response> {
    const length = numberOf(request.headers.get("content-length"));
    await this.#refuseConflict(link);
    const staging = this.#staging(link);
    const files = await this.#turn(link, async (signal) => {
      try {
        await staging.begin(EMPTY, length);
        return await receiveForm(request, staging.folder, signal);
      } catch (error) {
        await staging.clear();
        throw error;
      }
    });
    const outcome = await this.#finish(link, files);
    return request.headers.get("accept")?.includes("text/html")
      ? uploadPage({ ...(await this.#facts(link)), outcome })
      : json(200, outcome);
  }

  async #facts(link: UploadLink) {
    const { dataset, kind, on_conflict } = link.purpose;
    return {
      kind,
      dataset,
      on_conflict,
      expires_at: new Date(link.expiresMs).toISOString(),
      received: 0,
      length: null,
      unpacking: false,
    };
  }

  /** All bytes are here, or must be by now. @param tells the client reads what became of them */
  async #whole(link: UploadLink, length: number | undefined, tells: boolean): Promise<Response> {
    const staging = this.#staging(link);
    const info = await staging.info();
    const offset = await staging.offset();
    if (length !== undefined && offset < length)
      throw invalid(
        `Only ${offset} of ${length} bytes came`,
        "Go on from there: see curl_resume of the link",
      );
    const outcome = info.outcome ?? (await this.#finish(link, [{ path: staging.body, name: info.name }]));
    return tells
      ? json(200, outcome, { "upload-offset": String(offset) })
      : new Response(null, { status: 204, headers: { ...TUS, "upload-offset": String(offset) } });
  }

  async #refuseConflict({ purpose: { dataset, on_conflict }, id }: UploadLink): Promise<void> {
    if (on_conflict !== "refuse" || this.#turns.isFinishing(id)) return;
    const { outcome } = await new Staging(this.#parts.paths.staging, id).info();
    // Its own: whoever asks again hears again how it went.
    if (outcome === null && (await datasetExists(this.#parts.paths.datasets, dataset))) throw taken(dataset);
  }

  #turn<T>({ id }: Link, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.take(id, work);
  }

  #finish(link: UploadLink, files: readonly Staged[]): Promise<Outcome> {
    return this.#turns.finish(link.id, (signal) =>
      finishUpload(link.purpose, files, this.#staging(link), this.#parts, signal),
    );
  }
}
