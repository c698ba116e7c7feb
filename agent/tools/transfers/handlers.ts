// The tools that give out links. Their URLs are paths here: which address the client reaches us by, the router knows.
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Handlers } from "../../../shared/contract.ts";
import { downloadLine, uploadFolderLine, uploadLine, uploadResumeLine } from "../../../shared/file-links.ts";
import type { transferTools } from "../../../shared/tools/transfers.ts";
import { checkRelative, closing } from "../../files/sandbox.ts";
import type { Link, LinkStore, UploadPurpose } from "../../transfers/link-store.ts";
import { type DownloadParts, openDownload } from "../../transfers/open-download.ts";
import { datasetExists, taken } from "../../transfers/unpack/publish.ts";

export interface TransferParts extends DownloadParts {
  readonly links: () => LinkStore;
}

const MINUTE_MS = 60_000;
/** How long an answer waits for the hash of a large file; it is computed to its end in any case. */
const HASH_WAIT_MS = 5_000;

export const linkHandlers = (parts: TransferParts): Handlers<typeof transferTools> => ({
  async create_upload_link({ kind, name, on_conflict, expires_minutes }, { request }) {
    const dataset = datasetOf(kind, name);
    // An image for prompts joins those that are there.
    const whenThere = kind === "sample_image" && on_conflict === "refuse" ? "append" : on_conflict;
    const { datasets } = parts.paths;
    if (whenThere === "refuse" && (await datasetExists(datasets, dataset))) throw taken(dataset);
    const purpose = { way: "upload", kind, dataset, on_conflict: whenThere } as const;
    const { link, path } = parts.links().create(purpose, expires_minutes * MINUTE_MS, request?.caller);
    const archive = kind === "sample_image" ? "image.png" : `${basename(dataset)}.zip`;
    return {
      link_id: link.id,
      url: path,
      curl: uploadLine(path, archive),
      curl_folder: uploadFolderLine(path),
      curl_resume: uploadResumeLine(path, archive),
      dataset,
      path: join(datasets, dataset),
      expires_at: iso(link.expiresMs),
    };
  },

  async create_download_link({ kind, name, expires_minutes }, { signal, request }) {
    const source = await openDownload(parts, { kind, name }, signal);
    return await closing(source, async ({ fileName, sizeBytes, sha256, hash }) => {
      const known = sha256 ?? (await within(HASH_WAIT_MS, hash?.()));
      const { link, path } = parts
        .links()
        .create({ way: "download", kind, name }, expires_minutes * MINUTE_MS, request?.caller);
      return {
        link_id: link.id,
        url: path,
        curl: downloadLine(path, fileName),
        file_name: fileName,
        size: sizeBytes,
        sha256: known ?? null,
        expires_at: iso(link.expiresMs),
      };
    });
  },

  revoke_link({ link_id }) {
    if (link_id !== undefined) parts.links().revoke(link_id);
    return {
      revoked: link_id ?? null,
      links: parts
        .links()
        .list()
        .map((link) => ({
          link_id: link.id,
          what: wordsOf(link),
          created_at: iso(link.createdMs),
          expires_at: iso(link.expiresMs),
        })),
    };
  },
});

/** The data set that takes it: control images lie beside the data set that they belong to, under the same file names. */
function datasetOf(kind: UploadPurpose["kind"], name: string): string {
  return checkRelative(kind === "control" ? `${checkRelative(name, "dataset")}_control` : name, "dataset");
}

/** What it resolves with in time; else undefined, also when it fails. */
async function within<T>(ms: number, work: Promise<T> | undefined): Promise<T | undefined> {
  const late = new AbortController();
  const timer = delay(ms, undefined, { signal: late.signal }).catch(() => undefined);
  try {
    return await Promise.race([work?.catch(() => undefined), timer]);
  } finally {
    late.abort();
  }
}

const iso = (ms: number) => new Date(ms).toISOString();

function wordsOf({ purpose }: Link): string {
  return purpose.way === "download"
    ? `download ${purpose.kind} ${purpose.name}`
    : `upload ${purpose.kind} ${purpose.dataset}`;
}
