// Uploads over HTTP: a whole body (PUT), a form (POST), or parts as the tus protocol has them (POST, HEAD, PATCH, DELETE;
// tus.io/protocols/resumable-upload, version 1.0.0 with creation, checksum and termination).
import { basename, join } from "node:path";
import { ERRORS, invalid, ToolError } from "../../shared/errors.ts";
import { wantsPage } from "../../shared/upload-page.ts";
import { json, notAllowed } from "./answers.ts";
import type { Outcome } from "./finish-upload.ts";
import { isForm, receiveForm } from "./form.ts";
import type { Link, LinkStore } from "./link-store.ts";
import { refusedPage, uploadPage } from "./page.ts";
import {
  errorOf,
  isFailure,
  PatientFinish,
  type PatientParts,
  stillUnpacking,
  type UploadLink,
} from "./patient-finish.ts";
import { ChecksumMismatch, EMPTY, Staging } from "./staging.ts";
import { datasetExists, taken } from "./unpack/publish.ts";
import {
  CHECKSUM_MISMATCH,
  checksumOf,
  fileNameOf,
  numberOf,
  partOf,
  TUS,
  TUS_OPTIONS,
  wholeDigest,
} from "./upload-headers.ts";
import { UploadTurns } from "./upload-turns.ts";

export interface UploadParts extends PatientParts {
  readonly paths: { readonly datasets: string; readonly staging: string };
  readonly links: () => LinkStore;
}

export class Uploads {
  readonly #parts: UploadParts;
  readonly #turns = new UploadTurns<Outcome>();
  readonly #finish: PatientFinish;

  constructor(parts: UploadParts) {
    this.#parts = parts;
    this.#finish = new PatientFinish(parts, this.#turns);
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
        return isForm(request) ? this.#formOrPage(request, link) : this.#create(request, link, name);
      case "DELETE":
        await this.#turn(link, async () => this.#staging(link).clear());
        return new Response(null, { status: 204, headers: TUS });
      default:
        throw notAllowed("GET, HEAD, PUT, PATCH, POST, DELETE");
    }
  }

  /** Unpacks what another process had begun to; how it ends is kept for who asks. */
  async goOn(link: UploadLink): Promise<void> {
    const staging = this.#staging(link);
    const { tree, name } = await staging.info();
    // Who sends it again was quicker.
    if (!tree || this.#turns.isFinishing(link.id) || this.#turns.isReceiving(link.id)) return;
    const files = tree.files ?? [{ file: basename(staging.body), name }];
    const staged = files.map((each) => ({ path: join(staging.folder, each.file), name: each.name }));
    await this.#finish.unasked(link, staged, staging);
  }

  /** Stops what is coming in; unpacking is given up, and begins anew when an agent is back. */
  close(): Promise<void> {
    return this.#turns.close();
  }

  #staging({ id }: Link): Staging {
    return new Staging(this.#parts.paths.staging, id);
  }

  async #show(request: Request, link: UploadLink): Promise<Response> {
    const facts = await this.#facts(link);
    return wantsPage(request) ? uploadPage(facts) : json(200, facts);
  }

  async #facts(link: UploadLink) {
    const { dataset, kind, on_conflict } = link.purpose;
    const { length, outcome } = await this.#staging(link).info();
    return {
      kind,
      dataset,
      on_conflict,
      expires_at: new Date(link.expiresMs).toISOString(),
      received: await this.#staging(link).offset(),
      length,
      unpacking: this.#turns.isFinishing(link.id),
      outcome,
    };
  }

  /** How much is here, which stays: who goes on from there takes over from a request before. Asking stops nobody. */
  async #state(link: UploadLink): Promise<Response> {
    const staging = this.#staging(link);
    const offset = await staging.offset();
    const { length } = await staging.info();
    const headers = {
      ...TUS_OPTIONS,
      "upload-offset": String(offset),
      ...(length === null ? { "upload-defer-length": "1" } : { "upload-length": String(length) }),
    };
    return new Response(null, { status: 200, headers });
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
    const part = partOf(headers);
    const length = part?.length ?? numberOf(headers.get("content-length"));
    const again = await this.#sentAgain(link, length);
    if (again) return again;
    await this.#refuseConflict(link);
    await this.#turn(link, async (signal) => {
      const staging = this.#staging(link);
      if (part && part.start > 0) await this.#continue(staging, part.start, length);
      else await staging.begin({ ...EMPTY, length: length ?? null, name, sha256: wholeDigest(headers) });
      await staging.append(request.body, signal);
    });
    return await this.#whole(link, length ?? undefined, true);
  }

  async #patch(request: Request, link: UploadLink): Promise<Response> {
    const { headers } = request;
    const at = numberOf(headers.get("upload-offset"));
    if (at === undefined) throw invalid("Say where this part begins: Upload-Offset");
    const length = numberOf(headers.get("upload-length"));
    const checksum = checksumOf(headers.get("upload-checksum"));
    const isAsking = this.#turns.isFinishing(link.id) && at === (await this.#staging(link).offset());
    if (isAsking) return await this.#whole(link, length, !headers.has("tus-resumable"));
    // Its own: whoever asks again hears again how it went.
    const { outcome } = await this.#staging(link).info();
    if (outcome === null || at === 0) await this.#refuseConflict(link);
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

  /** Without script the answer is what a person sees. */
  async #formOrPage(request: Request, link: UploadLink): Promise<Response> {
    try {
      return await this.#form(request, link);
    } catch (thrown) {
      if (!(thrown instanceof ToolError) || !wantsPage(request)) throw thrown;
      return refusedPage(ERRORS[thrown.code].http, await this.#facts(link), thrown);
    }
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
    const outcome = await this.#finish.outcomeOf(link, files, staging);
    if (wantsPage(request)) return uploadPage({ ...(await this.#facts(link)), outcome: outcome ?? null });
    return outcome ? json(200, outcome) : stillUnpacking(link);
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
    if (isFailure(info.outcome)) {
      // Told once: who tries again with the same link begins anew.
      await staging.clear();
      throw errorOf(info.outcome);
    }
    const files = [{ path: staging.body, name: info.name }];
    const outcome = info.outcome ?? (await this.#finish.outcomeOf(link, files, staging));
    const headers = { "upload-offset": String(offset) };
    if (!tells) return new Response(null, { status: 204, headers: { ...TUS, ...headers } });
    return outcome ? json(200, outcome, headers) : stillUnpacking(link, headers);
  }

  /** The same upload on a link that may make its data set only once: its answer was lost on the way. */
  async #sentAgain(link: UploadLink, length: number | undefined): Promise<Response | undefined> {
    if (link.purpose.on_conflict !== "refuse" || length === undefined) return undefined;
    const info = await this.#staging(link).info();
    if (info.length !== length) return undefined;
    if (this.#turns.isFinishing(link.id)) return await this.#whole(link, length, true);
    const { outcome } = info;
    const isThere = outcome !== null && !isFailure(outcome) && (await this.#isThere(link));
    return isThere ? json(200, outcome) : undefined;
  }

  async #refuseConflict(link: UploadLink): Promise<void> {
    const { dataset, on_conflict } = link.purpose;
    if (on_conflict !== "refuse" || this.#turns.isFinishing(link.id)) return;
    if (await this.#isThere(link)) throw taken(dataset);
  }

  #isThere({ purpose: { dataset } }: UploadLink): Promise<boolean> {
    return datasetExists(this.#parts.paths.datasets, dataset);
  }

  #turn<T>({ id }: Link, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.take(id, work);
  }
}
