// Unpacking may take longer than anything on the way waits for an answer: then the client hears that it goes on, and how it
// ended is kept for whoever asks next.
import { setTimeout as delay } from "node:timers/promises";
import * as v from "valibot";
import { ERRORS, type ErrorCode, ToolError, toToolError } from "../../shared/errors.ts";
import { type FinishParts, finishUpload, type Outcome, type Whole } from "./finish-upload.ts";
import type { Link, UploadPurpose } from "./link-store.ts";
import type { Finishing, UploadTurns } from "./upload-turns.ts";

export type UploadLink = Link & { readonly purpose: UploadPurpose };

/** Proxies on the way give up on an answer after 60 s (nginx) or 100 s (Cloudflare). */
const PATIENCE_MS = 45_000;
/** A router waits 15 s for an answer without a body (TRANSFER.dialMs). */
const GIVE_UP_MS = 5_000;

export interface PatientParts extends FinishParts {
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

  /** Begins to unpack what is whole, for who then waits for `outcomeOf` it. */
  begin(link: UploadLink, whole: Whole): Finishing<Outcome> {
    return this.#turns.finish(link.id, whole.bytes, (signal) => this.#finish(link, whole, signal));
  }

  /**
   * @param leaving of the client that waits: a refusal is kept then, too
   * @returns undefined when it takes longer than clients and proxies wait
   * @throws ToolError when it is refused in time
   */
  async outcomeOf(
    { id }: Link,
    { ended }: Finishing<Outcome>,
    leaving: AbortSignal,
  ): Promise<Outcome | undefined> {
    this.#unheard.delete(id);
    const leave = () => this.#unheard.add(id);
    if (leaving.aborted) leave();
    leaving.addEventListener("abort", leave, { once: true });
    try {
      const outcome = await inTime(this.#patienceMs, ended);
      if (outcome === undefined) this.#unheard.add(id);
      return outcome;
    } finally {
      leaving.removeEventListener("abort", leave);
    }
  }

  /** Nobody waits: also a refusal is kept for who asks. */
  unasked(link: UploadLink, whole: Whole): void {
    this.#unheard.add(link.id);
    this.begin(link, whole);
  }

  /** @returns whether it was given up; undefined when that cannot be said in time */
  async giveUp({ id }: Link, { ended }: Finishing<Outcome>): Promise<boolean | undefined> {
    this.#turns.giveUp(id, new ToolError("conflict", "This upload was deleted while it was unpacked"));
    const isGone = ended.then(
      () => false,
      () => true,
    );
    return await inTime(Math.min(GIVE_UP_MS, this.#patienceMs), isGone);
  }

  get #patienceMs(): number {
    return this.#parts.patienceMs ?? PATIENCE_MS;
  }

  async #finish({ id, purpose }: UploadLink, whole: Whole, signal: AbortSignal): Promise<Outcome> {
    try {
      return await finishUpload(purpose, whole, this.#parts, signal);
    } catch (error) {
      if (this.#unheard.has(id) && !signal.aborted)
        await whole.staging.end(whole.bytes, this.#failureOf(error));
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

/** @returns undefined when it takes longer */
async function inTime<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const ended = new AbortController();
  const late = delay(ms, undefined, { signal: ended.signal });
  return await Promise.race([work, late]).finally(() => ended.abort());
}
