// For tests: what a user does with trainings, and what there is to see of their processes.
import { expect, vi } from "vitest";
import { identify, type ProcessIdentity, sessionMembers } from "../tools/training/process.ts";
import type { Json } from "./caller.ts";
import { putRun, type RunBlocks, type Subject } from "./subject.ts";

/** A busy machine may take its time; a fact that comes later than this does not come. */
export const PATIENCE = { timeout: 20_000, interval: 25 };

/** Steps without end, as far as a test can tell; each so short that whatever is asked happens at once. */
export const ENDLESS: RunBlocks = { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } };

/** @param current the server spoken to: another one after the agent was restarted */
export function storyOf(current: () => Subject) {
  const call = (tool: string, args?: object) => current().call(tool, args);
  const started = async (config: string, more: object = {}) => {
    const { job_id } = await call("start_training", { config_name: config, ...more });
    return String(job_id);
  };
  const run = async (config: string, blocks?: RunBlocks) => {
    await putRun(current().paths, config, blocks);
    return await started(config);
  };
  const status = (job_id: string) => call("get_training_status", { job_id });
  const reaches = (job_id: string, wanted: object): Promise<Json> =>
    vi.waitFor(async () => {
      const now = await status(job_id);
      expect(now).toMatchObject(wanted);
      return now;
    }, PATIENCE);
  return {
    started,
    run,
    status,
    reaches,
    ended: (job_id: string) => reaches(job_id, { phase: "ended" }),
    training: (job_id: string) => reaches(job_id, { phase: "training", step: expect.any(Number) }),
    stop: (job_id: string, more: object = {}) => call("stop_training", { job_id, ...more }),
    async logs(job_id: string, lines = 1_000) {
      const answer = await call("get_training_logs", { job_id, lines });
      return (answer["logs"] as string[]).join("\n");
    },
    /** The steps at which a run was saved; none of the files may be damaged. */
    async checkpointsOf(id: string): Promise<unknown[]> {
      const { models } = (await call("list_exported_models")) as { models: Json[] };
      const own = models.filter(({ job_id }) => job_id === id);
      for (const { problem } of own) expect(problem).toContain("rehearsal"); // which is all that is wrong with it
      return own.map(({ step }) => step);
    },
    async identityOf(job_id: string): Promise<ProcessIdentity> {
      const { pid } = await status(job_id);
      return await identify(Number(pid));
    },
    gone: (identity: ProcessIdentity) =>
      vi.waitFor(async () => expect(await sessionMembers(identity)).toEqual([]), PATIENCE),
  };
}
