// What a run can be asked while it goes on, and the sentence for what it cannot.
import { ToolError } from "../../../shared/errors.ts";
import type { Request } from "../../trainer/trainer.ts";
import type { Job } from "./job-store.ts";

const SINCE: Readonly<Record<Exclude<Request, "stop">, { readonly what: string; readonly since: string }>> = {
  save_now: { what: "save a checkpoint on request", since: "2026-05-26" },
  sample_now: { what: "draw samples on request", since: "2026-07-17" },
};

/** @throws ToolError conflict, saying what the toolkit that runs it lacks */
export function refuseUnknown({ requests, trainer }: Job, request: keyof typeof SINCE, hint: string): void {
  if (requests.includes(request)) return;
  const { what, since } = SINCE[request];
  const lack =
    requests.length === 0
      ? `this run does not report: its ${trainer} is older than 2025-09-16, or its process type never does`
      : `its ${trainer} is older than ${since} and knows no ${request}`;
  throw new ToolError("conflict", `The run cannot ${what}: ${lack}`, { hint });
}
