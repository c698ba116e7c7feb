// What is told of an upload to who asks how it stands. Asking stops nobody.
import type { Outcome } from "./finish-upload.ts";
import type { PageFacts } from "./page.ts";
import type { UploadLink } from "./patient-finish.ts";
import type { Staging } from "./staging.ts";
import { TUS_OPTIONS } from "./upload-headers.ts";
import type { Finishing } from "./upload-turns.ts";

interface Facts extends PageFacts {
  readonly received: number;
  readonly length: number | null;
}

/** @param finishing as it was before anything else was looked at: its end and its outcome come at once */
export async function factsOf(
  link: UploadLink,
  staging: Staging,
  finishing: Finishing<Outcome> | undefined,
): Promise<Facts> {
  const { dataset, kind, on_conflict } = link.purpose;
  const { offset, length, outcome } = await standOf(staging, finishing);
  return {
    kind,
    dataset,
    on_conflict,
    expires_at: new Date(link.expiresMs).toISOString(),
    received: offset,
    length,
    unpacking: finishing !== undefined,
    outcome,
  };
}

/** As tus asks. The offset stays true: who goes on from there takes over from a request before. */
export async function stateResponse(
  staging: Staging,
  finishing: Finishing<Outcome> | undefined,
): Promise<Response> {
  const { offset, length } = await standOf(staging, finishing);
  const headers = {
    ...TUS_OPTIONS,
    "upload-offset": String(offset),
    ...(length === null ? { "upload-defer-length": "1" } : { "upload-length": String(length) }),
  };
  return new Response(null, { status: 200, headers });
}

async function standOf(staging: Staging, finishing: Finishing<Outcome> | undefined) {
  if (finishing) return { offset: finishing.bytes, length: finishing.bytes || null, outcome: null };
  const offset = await staging.offset();
  const { length, outcome } = await staging.info();
  return { offset, length, outcome };
}
