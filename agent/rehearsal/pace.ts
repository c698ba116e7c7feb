// How fast a rehearsal goes, and what it shall suffer.
import * as v from "valibot";
import type { Block } from "./config.ts";
import { PythonError } from "./python.ts";

const Milliseconds = v.pipe(v.number(), v.minValue(0));
const MetaBlock = v.object({
  step_ms: v.optional(Milliseconds),
  load_ms: v.optional(Milliseconds),
  cache_ms: v.optional(Milliseconds),
  sample_ms: v.optional(Milliseconds),
  save_ms: v.optional(Milliseconds),
  fault: v.optional(v.string()),
});

export interface Pace {
  readonly stepMs: number;
  readonly loadMs: number;
  /** One image. */
  readonly cacheMs: number;
  readonly sampleMs: number;
  readonly saveMs: number;
  /** `kind` or `kind@step`, not yet parsed. */
  readonly fault: string | undefined;
}

/** Pleasant to watch: a run of 500 steps takes ten seconds. */
const DEMO_PACE = { step: 20, load: 400, cache: 0, sample: 60, save: 50 };

/** `meta.rehearsal` of the config first, then the environment, then the demo pace. */
export function paceOf(meta: Block, env: Readonly<Record<string, string | undefined>>): Pace {
  const parsed = v.safeParse(MetaBlock, meta.rehearsal ?? {});
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new PythonError("ValueError", `meta.rehearsal.${v.getDotPath(issue) ?? ""}: ${issue.message}`);
  }
  const own = parsed.output;
  const ms = (what: keyof typeof DEMO_PACE) => {
    const text = env[`REHEARSAL_${what.toUpperCase()}_MS`];
    const value = own[`${what}_ms`] ?? (text ? Number(text) : DEMO_PACE[what]);
    if (value >= 0) return value;
    throw new PythonError(
      "ValueError",
      `REHEARSAL_${what.toUpperCase()}_MS must be a number of milliseconds, not "${text}"`,
    );
  };
  return {
    stepMs: ms("step"),
    loadMs: ms("load"),
    cacheMs: ms("cache"),
    sampleMs: ms("sample"),
    saveMs: ms("save"),
    fault: own.fault ?? env.REHEARSAL_FAULT,
  };
}
