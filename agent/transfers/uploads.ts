// Uploads over HTTP: a whole body (PUT), a form (POST), or parts as the tus protocol has them (POST, HEAD, PATCH, DELETE;
// tus.io/protocols/resumable-upload, version 1.0.0 with creation, checksum and termination). A link takes one upload at a
// time; a newer request takes over from one whose client may be gone without our knowing.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { invalid, ToolError } from "../../shared/errors.ts";
import { closing, folderInside } from "../files/sandbox.ts";
import { type Turns, turnOf } from "../tools/datasets/turns.ts";
import { isAlive, type ProcessIdentity } from "../tools/training/process.ts";
import { json, notAllowed } from "./answers.ts";
import { isForm, receiveForm } from "./form.ts";
import type { Link, LinkStore, UploadPurpose } from "./link-store.ts";
import { uploadPage } from "./page.ts";
import { CHECKSUMS, type Checksum, ChecksumMismatch, EMPTY, Staging } from "./staging.ts";
import { Intake, refused } from "./unpack/intake.ts";
import { datasetExists, type PublishParts, publish, taken } from "./unpack/publish.ts";
import { partialName, Tree } from "./unpack/tree.ts";
import { type Staged, unpack } from "./unpack/unpack.ts";

export interface UploadParts extends Omit<PublishParts, "datasets"> {
  readonly paths: { readonly datasets: string; readonly staging: string };
  readonly links: () => LinkStore;
  /** Who unpacks: what another process left half done is only removed when that is gone. */
  readonly self: () => Promise<ProcessIdentity>;
  /** Shared with all that changes data sets. */
  readonly turns: Turns;
}

type UploadLink = Link & { readonly purpose: UploadPurpose };
type Outcome = Readonly<Record<string, unknown>>;

const TUS = { "tus-resumable": "1.0.0", "cache-control": "no-store" };
const TUS_OPTIONS = {
  ...TUS,
  "tus-version": "1.0.0",
  "tus-extension": "creation,creation-defer-length,checksum,termination",
  "tus-checksum-algorithm": CHECKSUMS.join(","),
};
/** tus: "460 Checksum Mismatch". */
const CHECKSUM_MISMATCH = 460;

interface Running {
  readonly controller: AbortController;
  readonly ended: Promise<unknown>;
}

export class Uploads {
  readonly #parts: UploadParts;
  /** Bytes that are coming in, by link. */
  readonly #receiving = new Map<string, Running>();
  /** Uploads that are whole and being unpacked, by link: that goes on, whoever leaves. */
  readonly #finishing = new Map<string, Promise<Outcome>>();
  readonly #closing = new AbortController();

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
  async close(): Promise<void> {
    this.#closing.abort(new ToolError("agent_offline", "The agent is ending; go on when it is back"));
    await Promise.allSettled([...this.#receiving.values()].map(({ ended }) => ended));
    await Promise.allSettled(this.#finishing.values());
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
      unpacking: this.#finishing.has(link.id),
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
    if (on_conflict !== "refuse" || this.#finishing.has(id)) return;
    const { outcome } = await new Staging(this.#parts.paths.staging, id).info();
    // Its own: whoever asks again hears again how it went.
    if (outcome === null && (await datasetExists(this.#parts.paths.datasets, dataset))) throw taken(dataset);
  }

  /** Runs `work` when the one before has stopped, which it is made to. */
  async #turn<T>({ id }: Link, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let before = this.#receiving.get(id); before; before = this.#receiving.get(id)) {
      before.controller.abort(new ToolError("conflict", "A newer request has taken over this upload"));
      await before.ended.catch(() => {}); // its own client heard of it
    }
    const finishing = this.#finishing.get(id);
    if (finishing) await finishing.catch(() => {}); // likewise
    const controller = new AbortController();
    const working = work(AbortSignal.any([controller.signal, this.#closing.signal]));
    const running = { controller, ended: working };
    this.#receiving.set(id, running);
    try {
      return await working;
    } finally {
      if (this.#receiving.get(id) === running) this.#receiving.delete(id);
    }
  }

  #finish(link: UploadLink, files: readonly Staged[]): Promise<Outcome> {
    const running = this.#finishing.get(link.id);
    if (running) return running;
    const finishing = this.#unpackAll(link, files).finally(() => this.#finishing.delete(link.id));
    this.#finishing.set(link.id, finishing);
    return finishing;
  }

  async #unpackAll(link: UploadLink, files: readonly Staged[]): Promise<Outcome> {
    const { paths } = this.#parts;
    const { dataset, kind, on_conflict } = link.purpose;
    const staging = this.#staging(link);
    const signal = this.#closing.signal;
    const hidden = partialName();
    const info = await staging.info();
    try {
      await staging.verify(signal);
      await staging.setInfo({ ...info, tree: { name: hidden, by: await this.#parts.self() } });
      const intake = new Intake({ imagesOnly: kind !== "dataset" });
      const tree = await closing(
        await folderInside(paths.datasets, "", "dataset", { create: true }),
        // By its real path: the tree outlives this descriptor.
        (root) => Tree.make(join(root.path, hidden), intake, signal),
      );
      try {
        for (const file of files) await unpack(file, tree);
        if (tree.taken.every((each) => each.kind === "caption") && on_conflict !== "append")
          throw nothingToTrain(intake);
        const published = await this.#parts.turns.take(turnOf(dataset), signal, () =>
          publish(tree, { dataset, on_conflict }, { ...this.#parts, datasets: paths.datasets }),
        );
        const outcome = {
          success: true,
          dataset,
          path: join(paths.datasets, dataset),
          files_saved: published.media,
          captions_saved: published.captions,
          ...(published.trashId && { replaced_trash_id: published.trashId }),
          ...intake.report,
        };
        for (const { path } of files) await rm(path, { force: true });
        await staging.setInfo({ ...info, outcome, tree: null });
        return outcome;
      } finally {
        await tree.remove();
      }
    } catch (error) {
      // Given up because the agent ends: the bytes are whole, and the next request unpacks them again.
      if (!signal.aborted) await staging.clear();
      throw error;
    }
  }
}

function nothingToTrain(intake: Intake): ToolError {
  const { failed, skipped } = intake.report;
  const [first] = [...failed, ...skipped];
  const example = first ? ` (${first.file}: ${first.reason})` : "";
  return refused(`there is nothing in it that ai-toolkit trains on${example}`);
}

/**
 * What processes left behind that are gone: half unpacked trees, and bytes whose links no longer work.
 * @returns how many uploads were forgotten
 */
export async function cleanStaging(
  { datasets, staging }: UploadParts["paths"],
  isLive: (linkId: string) => boolean,
): Promise<number> {
  let forgotten = 0;
  for (const id of await readdir(staging)) {
    const upload = new Staging(staging, id);
    const { tree, ...info } = await upload.info();
    if (tree && (await isAlive(tree.by))) continue;
    if (tree) {
      await rm(join(datasets, tree.name), { recursive: true, force: true });
      await upload.setInfo({ ...info, tree: null });
    }
    if (isLive(id)) continue;
    await upload.clear();
    forgotten += 1;
  }
  return forgotten;
}

function numberOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const number = Number(header);
  if (/^\d{1,15}$/.test(header.trim())) return number;
  throw invalid("A length or offset must be a whole number of bytes");
}

/** RFC 9530: of the whole, whatever part of it this request carries. */
function wholeDigest(headers: Headers): string | null {
  const [, base64] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):/.exec(headers.get("repr-digest") ?? "") ?? [];
  return base64 === undefined ? null : Buffer.from(base64, "base64").toString("hex");
}

/** tus: `filename <base64>` among comma-separated pairs. */
function fileNameOf(metadata: string | null): string | undefined {
  for (const pair of metadata?.split(",") ?? []) {
    const [key, value] = pair.trim().split(" ");
    if ((key === "filename" || key === "name") && value) return Buffer.from(value, "base64").toString("utf8");
  }
  return undefined;
}

function checksumOf(header: string | null): Checksum | undefined {
  if (header === null) return undefined;
  const [algorithm, base64] = header.trim().split(" ");
  const known = CHECKSUMS.find((each) => each === algorithm);
  if (known && base64) return { algorithm: known, base64 };
  throw invalid(`Upload-Checksum takes ${CHECKSUMS.join(" and ")}`);
}
