// Unpacking may take longer than anything on the way waits for an answer: then the client hears that it goes on, and how it
// ended is kept for whoever asks next.
import { setTimeout as delay } from "node:timers/promises";
import * as v from "valibot";
import { ERRORS, type ErrorCode, ToolError, toToolError } from "../../shared/errors.ts";
import { json } from "./answers.ts";
import { type FinishParts, finishUpload, type Outcome } from "./finish-upload.ts";
import type { Link, UploadPurpose } from "./link-store.ts";
import { EMPTY, type Staging } from "./staging.ts";
import type { Staged } from "./unpack/unpack.ts";
import type { UploadTurns } from "./upload-turns.ts";

export type UploadLink = Link & { readonly purpose: UploadPurpose };

/** Proxies on the way give up on an answer after 60 s (nginx) or 100 s (Cloudflare). */
const PATIENCE_MS = 45_000;

export interface PatientParts extends FinishParts {
  readonly onBug: (error: unknown) => void;
  /** For tests. */
  readonly patienceMs?: number | undefined;
}

/** An outcome, too, kept until somebody has heard it. */
const Failure = v.object({
  success: v.literal(false),
  code: v.picklist(Object.keys(ERRORS) as ErrorCode[]),
  error: v.string(),
  hint: v.optional(v.string()),
});
type Failure = v.InferOutput<typeof Failure>;

export const isFailure = (outcome: unknown): outcome is Failure => v.is(Failure, outcome);

export const errorOf = ({ code, error, hint }: Failure) => new ToolError(code, error, { hint });

export class PatientFinish {
  readonly #parts: PatientParts;
  readonly #turns: UploadTurns<Outcome>;
  /** Links whose clients were told that it takes long, and have not asked again. */
  readonly #unheard = new Set<string>();

  constructor(parts: PatientParts, turns: UploadTurns<Outcome>) {
    this.#parts = parts;
    this.#turns = turns;
  }

  /** @returns undefined when it takes longer than clients and proxies wait. @throws ToolError when it is refused in time */
  async outcomeOf(
    link: UploadLink,
    files: readonly Staged[],
    staging: Staging,
  ): Promise<Outcome | undefined> {
    this.#unheard.delete(link.id);
    const finishing = this.#begin(link, files, staging);
    const inTime = new AbortController();
    const late = delay(this.#parts.patienceMs ?? PATIENCE_MS, undefined, { signal: inTime.signal });
    const outcome = await Promise.race([finishing, late]).finally(() => inTime.abort());
    if (outcome === undefined) this.#unheard.add(link.id);
    return outcome;
  }

  /** Nobody waits: also a refusal is kept for who asks. */
  async unasked(link: UploadLink, files: readonly Staged[], staging: Staging): Promise<void> {
    this.#unheard.add(link.id);
    await this.#begin(link, files, staging).catch(() => {}); // see above
  }

  #begin(link: UploadLink, files: readonly Staged[], staging: Staging): Promise<Outcome> {
    return this.#turns.finish(link.id, (signal) => this.#finish(link, files, staging, signal));
  }

  async #finish(
    { id, purpose }: UploadLink,
    files: readonly Staged[],
    staging: Staging,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const length = await staging.offset();
    try {
      return await finishUpload(purpose, files, staging, this.#parts, signal);
    } catch (error) {
      if (this.#unheard.has(id) && !signal.aborted)
        await staging.setInfo({ ...EMPTY, length, outcome: this.#failureOf(error) });
      throw error;
    } finally {
      this.#unheard.delete(id);
    }
  }

  #failureOf(thrown: unknown): Failure {
    const { code, message, hint } = toToolError(thrown);
    if (code === "internal") this.#parts.onBug(thrown);
    return { success: false, code, error: message, ...(hint && { hint }) };
  }
}

export function stillUnpacking(
  { purpose }: UploadLink,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json(
    202,
    {
      success: true,
      unpacking: true,
      dataset: purpose.dataset,
      hint: "All bytes are here and are being unpacked, which goes on by itself. A GET request to this link tells how it ended",
    },
    headers,
  );
}
