// Uploads over HTTP: a whole body (PUT), a form (POST), or parts as the tus protocol has them (POST, HEAD, PATCH, DELETE;
// tus.io/protocols/resumable-upload, version 1.0.0 with creation, checksum and termination).
import { ERRORS, invalid, ToolError } from "../../shared/errors.ts";
import { wantsPage } from "../../shared/upload-page.ts";
import { json, notAllowed } from "./answers.ts";
import { continueAt, elsewhere } from "./continue-upload.ts";
import type { Outcome } from "./finish-upload.ts";
import { isForm, receiveForm } from "./form.ts";
import { leftBehind } from "./left-behind.ts";
import type { Link, LinkStore } from "./link-store.ts";
import { refusedPage, uploadPage } from "./page.ts";
import { errorOf, isFailure, PatientFinish, type PatientParts, type UploadLink } from "./patient-finish.ts";
import { ChecksumMismatch, EMPTY, Staging } from "./staging.ts";
import { refused } from "./unpack/intake.ts";
import { datasetExists, taken } from "./unpack/publish.ts";
import { busy, stillGivingUp, stillUnpacking, tooLate } from "./upload-answers.ts";
import {
  CHECKSUM_MISMATCH,
  checksumOf,
  fileNameOf,
  numberOf,
  partOf,
  placeOf,
  sizeOf,
  TUS,
  wholeDigest,
} from "./upload-headers.ts";
import { factsOf, stateResponse } from "./upload-state.ts";
import { type Finishing, Unpacking, UploadTurns } from "./upload-turns.ts";

/** Where an upload stands after a request. */
interface Stand {
  readonly offset: number;
  /** It is whole. */
  readonly finishing?: Finishing<Outcome>;
}

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
    await this.goOn(link); // who asks may be quicker than the agent that has just started
    try {
      return await this.#answer(request, link, name);
    } catch (thrown) {
      if (thrown instanceof Unpacking) return await this.#meanwhile(request, link, thrown.finishing);
      throw thrown;
    }
  }

  async #answer(request: Request, link: UploadLink, name: string): Promise<Response> {
    switch (request.method) {
      case "GET":
        return this.#show(request, link);
      case "HEAD":
        return stateResponse(this.#staging(link), this.#turns.finishing(link.id));
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

  /** Unpacks what is whole, if nobody does; how it ends is kept for who asks. */
  async goOn(link: UploadLink): Promise<void> {
    await this.#turns.ifIdle(link.id, async () => {
      const staging = this.#staging(link);
      const left = await leftBehind(staging, this.#parts.paths.datasets);
      if (left) this.#finish.unasked(link, left);
    });
  }

  /** Stops what is coming in; unpacking is given up, and begins anew when an agent is back. */
  close(): Promise<void> {
    return this.#turns.close();
  }

  #staging({ id }: Link): Staging {
    return new Staging(this.#parts.paths.staging, id, this.#parts.self);
  }

  async #show(request: Request, link: UploadLink): Promise<Response> {
    const facts = await this.#facts(link);
    return wantsPage(request) ? uploadPage(facts) : json(200, { ...facts });
  }

  #facts(link: UploadLink) {
    return factsOf(link, this.#staging(link), this.#turns.finishing(link.id));
  }

  async #create(request: Request, link: UploadLink, name: string): Promise<Response> {
    const { headers } = request;
    const length = numberOf(headers.get("upload-length"));
    if (length === 0) throw refused("it is empty");
    if (length === undefined && headers.get("upload-defer-length") !== "1") {
      throw invalid(
        "Say how long the upload is (Upload-Length), or send it whole: curl -T FILE URL",
        "POST begins a resumable upload as in tus 1.0.0, or takes a form",
      );
    }
    await this.#turn(link, async () => {
      await this.#refuseConflict(link);
      await this.#staging(link).begin({
        ...EMPTY,
        length: length ?? null,
        name: fileNameOf(headers.get("upload-metadata")) ?? name,
        sha256: wholeDigest(headers),
      });
    });
    const location = new URL(request.url).pathname.replace(/\/$/, "");
    return new Response(null, { status: 201, headers: { ...TUS, location, "upload-offset": "0" } });
  }

  async #put(request: Request, link: UploadLink, name: string): Promise<Response> {
    const { headers } = request;
    const part = partOf(headers);
    const length = sizeOf(headers);
    const stand = await this.#turn(link, async (signal): Promise<Stand> => {
      const staging = this.#staging(link);
      const made = await this.#madeBefore(link, length);
      if (made) return made;
      await this.#refuseConflict(link);
      if (part && part.start > 0) await continueAt(staging, part.start, length);
      else await staging.begin({ ...EMPTY, length: length ?? null, name, sha256: wholeDigest(headers) });
      await staging.append(request.body, signal);
      const offset = await staging.offset();
      if (length !== undefined && offset < length)
        throw invalid(
          `Only ${offset} of ${length} bytes came`,
          "Go on from there: see curl_resume of the link",
        );
      return await this.#whole(link, offset, signal);
    });
    return await this.#told(request, link, stand);
  }

  async #patch(request: Request, link: UploadLink): Promise<Response> {
    const { headers } = request;
    const { at, length } = placeOf(headers);
    const checksum = checksumOf(headers.get("upload-checksum"));
    try {
      const stand = await this.#turn(link, async (signal): Promise<Stand> => {
        const staging = this.#staging(link);
        const { outcome, length: whole } = await staging.info();
        // Its own: whoever asks again hears again how it went.
        const isOwn = outcome !== null && at > 0 && (length === undefined || length === whole);
        if (!isOwn) await this.#refuseConflict(link);
        else if (at === (await staging.offset())) return await this.#again(staging, outcome);
        await continueAt(staging, at, length);
        await staging.append(request.body, signal, checksum);
        const offset = await staging.offset();
        const info = await staging.info();
        if (info.length === null || offset < info.length) return { offset };
        return await this.#whole(link, offset, signal);
      });
      if (!stand.finishing) await this.#staging(link).sync();
      return await this.#told(request, link, stand);
    } catch (error) {
      if (!(error instanceof ChecksumMismatch)) throw error;
      return json(
        CHECKSUM_MISMATCH,
        { success: false, code: "invalid_input", error: "This part was damaged on its way; send it again" },
        TUS,
      );
    }
  }

  /** Without script the answer is what a person sees. */
  async #formOrPage(request: Request, link: UploadLink): Promise<Response> {
    try {
      return await this.#form(request, link);
    } catch (thrown) {
      const problem = thrown instanceof Unpacking ? busy() : thrown;
      if (!(problem instanceof ToolError) || !wantsPage(request)) throw thrown;
      return refusedPage(ERRORS[problem.code].http, await this.#facts(link), problem);
    }
  }

  /** A form that did not come whole leaves nothing: no request could go on with it. */
  async #form(request: Request, link: UploadLink): Promise<Response> {
    const length = numberOf(request.headers.get("content-length"));
    const staging = this.#staging(link);
    const finishing = await this.#turn(link, async (signal) => {
      await this.#refuseConflict(link);
      try {
        await staging.begin(EMPTY, length);
        const files = await receiveForm(request, staging.folder, signal);
        return this.#finish.begin(link, { bytes: 0, files, staging });
      } catch (error) {
        await staging.clear();
        throw error;
      }
    });
    const outcome = await this.#finish.outcomeOf(link, finishing, request.signal);
    if (wantsPage(request)) return uploadPage({ ...(await this.#facts(link)), outcome: outcome ?? null });
    return outcome ? json(200, outcome) : stillUnpacking(link);
  }

  /** All bytes are here, and are unpacked, whoever stays to hear of it. @throws the signal's reason: then another goes on */
  async #whole(link: UploadLink, offset: number, signal: AbortSignal): Promise<Stand> {
    const staging = this.#staging(link);
    const { name } = await staging.info();
    signal.throwIfAborted();
    const files = [{ path: staging.body, name }];
    return { offset, finishing: this.#finish.begin(link, { bytes: offset, files, staging }) };
  }

  /** What became of it is told again; a failure once, for who tries again begins anew. */
  async #again(staging: Staging, outcome: Outcome): Promise<Stand> {
    const offset = await staging.offset();
    if (!isFailure(outcome)) return ended(offset, outcome);
    await staging.clear();
    throw errorOf(outcome);
  }

  /** What became of all, for clients that read it: those of tus know no more than how far it is. */
  async #told(request: Request, link: UploadLink, { offset, finishing }: Stand): Promise<Response> {
    const headers = { "upload-offset": String(offset) };
    const outcome = finishing && (await this.#finish.outcomeOf(link, finishing, request.signal));
    if (!finishing || request.headers.has("tus-resumable"))
      return new Response(null, { status: 204, headers: { ...TUS, ...headers } });
    return outcome ? json(200, outcome, headers) : stillUnpacking(link, headers);
  }

  /** While it is unpacked nobody begins anew. Who sends it again, or asks by a part at its end, waits for the same. */
  async #meanwhile(request: Request, link: UploadLink, finishing: Finishing<Outcome>): Promise<Response> {
    const { method, headers } = request;
    const stand = { offset: finishing.bytes, finishing };
    if (method === "DELETE") return await this.#giveUp(link, finishing);
    if (method === "PATCH") {
      const { at, length = finishing.bytes } = placeOf(headers);
      const isSame = at > 0 && length === finishing.bytes;
      if (isSame && at === length) return await this.#told(request, link, stand);
      if (isSame) throw elsewhere(finishing.bytes, at);
    }
    const isOnce = link.purpose.on_conflict === "refuse";
    if (method === "PUT" && isOnce && sizeOf(headers) === finishing.bytes)
      return await this.#told(request, link, stand);
    throw busy();
  }

  async #giveUp(link: UploadLink, finishing: Finishing<Outcome>): Promise<Response> {
    const isGone = await this.#finish.giveUp(link, finishing);
    if (isGone === undefined) return stillGivingUp(link);
    if (isGone) return new Response(null, { status: 204, headers: TUS });
    throw tooLate(link);
  }

  /** The same upload on a link that may make its data set only once: its answer was lost on the way. */
  async #madeBefore(link: UploadLink, length: number | undefined): Promise<Stand | undefined> {
    if (link.purpose.on_conflict !== "refuse" || length === undefined) return undefined;
    const { outcome, ...info } = await this.#staging(link).info();
    if (outcome === null || isFailure(outcome) || info.length !== length) return undefined;
    return (await this.#isThere(link)) ? ended(length, outcome) : undefined;
  }

  async #refuseConflict(link: UploadLink): Promise<void> {
    const { dataset, on_conflict } = link.purpose;
    if (on_conflict === "refuse" && (await this.#isThere(link))) throw taken(dataset);
  }

  #isThere({ purpose: { dataset } }: UploadLink): Promise<boolean> {
    return datasetExists(this.#parts.paths.datasets, dataset);
  }

  #turn<T>({ id }: Link, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.take(id, work);
  }
}

/** Of an upload that has ended before. */
const ended = (offset: number, outcome: Outcome): Stand => ({
  offset,
  finishing: { bytes: offset, ended: Promise.resolve(outcome) },
});
