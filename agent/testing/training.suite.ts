// A training as its user lives through it: start, watch, stop, resume, and all that goes wrong. The trainer is the
// rehearsal, a real process; what it suffers is written into each config.
import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { sessionMembers } from "../tools/training/process.ts";
import type { Json } from "./caller.ts";
import { putRun, type Server, type Subject, subjectOf } from "./subject.ts";
import { ENDLESS, PATIENCE, storyOf } from "./training-story.ts";

/**
 * Exit codes of a trainer that was asked to stop: 0 by our interrupt, 1 by the flag, 130 when the interrupt finds it
 * where nobody handles signals any more, leaving because of the flag.
 */
const STOPPED = expect.toBeOneOf([0, 1, 130]);

export interface TrainingServer extends Server {
  /** kill -9 for the agent, then a new one on the same data. Where it cannot be had, those stories are skipped. */
  crash?(): Promise<Pick<Server, "url" | "token">>;
  /** The agent is asked to end, then a new one starts on the same data. */
  restart?(): Promise<Pick<Server, "url" | "token">>;
}

/** @param open starts a server whose trainers get less than a second of `--stop-grace` */
export function trainingSuite(name: string, open: () => Promise<TrainingServer>): void {
  describe(`training, ${name}`, () => {
    vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });
    let server: TrainingServer;
    let subject: Subject;
    beforeAll(async () => {
      server = await open();
      subject = subjectOf(server);
    });
    afterAll(() => server?.close());

    const { started, run, status, reaches, ended, training, stop, logs, checkpointsOf, identityOf, gone } =
      storyOf(() => subject);

    test("a run is started, watched and completed", async () => {
      const { call, paths } = subject;
      await putRun(paths, "walk", {
        train: { steps: 40, disable_sampling: false },
        save: { save_every: 10, max_step_saves_to_keep: 2 },
        sample: { sample_every: 20 },
      });
      const answer = await call("start_training", { config_name: "walk" });
      expect(answer).toMatchObject({
        job_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        pid: expect.any(Number),
        status: "success",
        state: "running",
        queue_position: null,
      });
      const id = String(answer["job_id"]);
      expect(await ended(id)).toMatchObject({
        job_id: id,
        config: "walk",
        status: "completed",
        progress: 100,
        step: 40,
        total_steps: 40,
        loss: expect.any(Number),
        lr: 1e-4,
        samples: 3,
        last_checkpoint: { name: "walk.safetensors", step: null },
        exit_code: 0,
        reason: null,
        eta_seconds: null,
        next_poll_seconds: null,
        pid: null,
      });
      const { models } = (await call("list_exported_models")) as { models: Json[] };
      expect(
        models.filter(({ job_id }) => job_id === id).map((model) => [model["name"], model["step"]]),
      ).toEqual([
        ["walk", 40],
        ["walk_000000020", 20],
        ["walk_000000030", 30],
      ]);
      const { jobs } = (await call("list_training_jobs")) as { jobs: Json[] };
      expect(jobs.find(({ job_id }) => job_id === id)).toMatchObject({
        config: "walk",
        status: "completed",
        exit_code: 0,
        started_at: expect.any(String),
        finished_at: expect.any(String),
      });
    });

    test("D5: progress, speed and time left are told while it runs, and only when they are known", async () => {
      const id = await run("figures", {
        train: { steps: 100_000 },
        rehearsal: { step_ms: 5, load_ms: 1_000 },
      });
      const early = await reaches(id, { status: "running" });
      expect(early).toMatchObject({ eta_seconds: null, seconds_per_step: null, progress: 0 });
      const later = await reaches(id, { phase: "training", eta_seconds: expect.any(Number) });
      expect(later).toMatchObject({
        status: "running",
        total_steps: 100_000,
        loss: expect.any(Number),
        seconds_per_step: expect.any(Number),
        finish_at: expect.any(String),
        next_poll_seconds: expect.any(Number),
        exit_code: null,
      });
      const step = Number(later["step"]);
      expect(later["progress"]).toBe(Math.floor(step / 1_000));
      await reaches(id, { step: expect.toSatisfy((next: number) => next > step) });
      await stop(id);
    });

    test("D8: of two runs the second waits and starts by itself; a config cannot run twice at once", async () => {
      const first = await run("first", ENDLESS);
      await putRun(subject.paths, "second");
      const answer = await subject.call("start_training", { config_name: "second" });
      expect(answer).toMatchObject({ status: "success", state: "queued", queue_position: 1, pid: null });
      const second = String(answer["job_id"]);
      expect(await status(second)).toMatchObject({
        status: "pending",
        phase: "queued",
        queue_position: 1,
        progress: 0,
      });
      for (const config_name of ["first", "second"]) {
        const again = await subject.execute("start_training", { config_name });
        const holder = config_name === "first" ? first : second;
        expect(again).toMatchObject({ status: 200, success: false, code: "conflict" });
        expect(again.json).toMatchObject({ job_id: holder, error: expect.stringContaining(holder) });
      }
      expect(await subject.call("get_training_info")).toMatchObject({ active_jobs: 1, queued_jobs: 1 });
      await stop(first);
      expect(await ended(second)).toMatchObject({ status: "completed" });
    });

    test("D8: of many starts of one config at once, exactly one wins", async () => {
      await putRun(subject.paths, "race", ENDLESS);
      const replies = await Promise.all(
        Array.from({ length: 8 }, () => subject.execute("start_training", { config_name: "race" })),
      );
      const won = replies.filter(({ success }) => success);
      expect(won).toHaveLength(1);
      expect(replies.filter(({ code }) => code === "conflict")).toHaveLength(7);
      await stop(String(won[0]?.json?.["job_id"]));
    });

    test("D7, D37: a stop is graceful, takes the workers along, and is called stopped though the exit code is 0", async () => {
      const id = await run("stopped", { ...ENDLESS, save: { save_every: 20 } });
      await reaches(id, { last_checkpoint: { name: expect.any(String) } });
      const identity = await identityOf(id);
      expect(await stop(id)).toMatchObject({ job_id: id, status: "success", state: "stopped" });
      expect(await sessionMembers(identity)).toEqual([]);
      expect(await status(id)).toMatchObject({
        status: "stopped",
        phase: "ended",
        reason: "Stopped on request",
      });
      expect(await status(id)).not.toMatchObject({ progress: 100 });
      expect(await logs(id)).toContain("Job stopped");
      expect((await checkpointsOf(id)).length).toBeGreaterThan(0);
    });

    test("D7: a run that ended by itself is not relabelled by a later stop", async () => {
      const id = await run("over");
      await ended(id);
      const reply = await subject.execute("stop_training", { job_id: id });
      expect(reply.json).toMatchObject({ error: "Job not found or already stopped", code: "conflict" });
      expect(await status(id)).toMatchObject({ status: "completed" });
    });

    test("a job that waits is stopped at once and never starts", async () => {
      const first = await run("holds", ENDLESS);
      const second = await run("waits");
      expect(await stop(second)).toMatchObject({ state: "stopped" });
      expect(await status(second)).toMatchObject({ status: "stopped", started_at: null });
      await stop(first);
      expect(await readFile(join(subject.paths.jobs, second, "log.txt"), "utf8")).toBe("");
    });

    test("D36: status, list, info, logs and stops all at once answer all", async () => {
      const first = await run("crowd", { ...ENDLESS, rehearsal: { step_ms: 5, fault: "ignores-sigint" } });
      const second = await run("behind", ENDLESS);
      await training(first);
      const calls = (): Promise<unknown>[] => [
        status(first),
        status(second),
        subject.call("list_training_jobs"),
        subject.call("get_training_info"),
        subject.execute("get_training_logs", { job_id: first }),
        subject.execute("stop_training", { job_id: first }),
      ];
      const answers = await Promise.all(Array.from({ length: 20 }, calls).flat());
      expect(answers).toHaveLength(120);
      expect(await ended(first)).toMatchObject({ status: "stopped" });
      await training(second);
      await stop(second);
    });

    test("D24: the trainer sees neither our stdin nor our secrets", async () => {
      const id = await run("apart", ENDLESS);
      await training(id);
      const members = await sessionMembers(await identityOf(id));
      expect(members.length).toBeGreaterThan(1);
      for (const pid of members) {
        expect(await readlink(`/proc/${pid}/fd/0`)).toBe("/dev/null");
        const environment = await readFile(`/proc/${pid}/environ`, "utf8");
        expect(environment).toContain("PYTHONUNBUFFERED=1");
        expect(environment).not.toContain("MCP_AI_TOOLKIT");
      }
      await stop(id);
    });

    describe("when it fails", () => {
      test.each([
        ["oom@3", 1, /GPU ran out of memory/, /resolution|quantize/],
        ["gated", 1, /gated/, /HF_TOKEN/],
        ["crash@3", 1, /illegal memory access/, /get_training_logs/],
        ["dies@3", 137, /[Kk]illed/, /resume/],
        ["disk-full@3", 1, /disk is full/, /[Ff]ree/],
      ])("D32: %s: exit code %i, a reason and a hint", async (fault, exitCode, reason, hint) => {
        const id = await run(`fails_${fault.split("@")[0]}`, {
          save: { save_every: 4 },
          rehearsal: { fault },
        });
        const job = await ended(id);
        expect(job).toMatchObject({ status: "failed", exit_code: exitCode });
        expect(job["reason"]).toMatch(reason);
        expect(job["hint"]).toMatch(hint);
        expect(job["progress"]).toBeLessThan(100);
        const { jobs } = (await subject.call("list_training_jobs", { status: "failed" })) as { jobs: Json[] };
        expect(jobs.find(({ job_id }) => job_id === id)).toMatchObject({
          reason: job["reason"],
          exit_code: exitCode,
        });
      });

      test("D35: bytes that are not UTF-8 and a bar without line ends leave the log readable", async () => {
        const id = await run("odd_bytes", { rehearsal: { fault: "invalid-utf8@3" } });
        expect(await ended(id)).toMatchObject({ status: "completed" });
        const { logs: lines, total_lines } = (await subject.call("get_training_logs", { job_id: id })) as {
          logs: string[];
          total_lines: number;
        };
        expect(lines[0]).toContain("REHEARSAL");
        expect(lines.join("\n")).toContain("\ufffd");
        expect(lines.at(-1)).not.toBe("");
        expect(total_lines).toBe(lines.length);
        expect(await subject.call("get_training_logs", { job_id: id, lines: 2 })).toMatchObject({
          logs: lines.slice(-2),
          total_lines: 2,
        });
      });

      test("D35: a trainer that prints without end is watched all the same", async () => {
        const id = await run("floods", { rehearsal: { fault: "floods@3" } });
        expect(await ended(id)).toMatchObject({ status: "completed", progress: 100 });
        const answer = await subject.call("get_training_logs", { job_id: id, lines: 5 });
        expect(answer["logs"]).toHaveLength(5);
        expect(answer["log_bytes"]).toBeGreaterThan(1_000_000);
      });

      test("a trainer that ignores the interrupt is made to stop, in bounded time", async () => {
        const id = await run("deaf", { ...ENDLESS, rehearsal: { step_ms: 5, fault: "ignores-sigint" } });
        await training(id);
        const identity = await identityOf(id);
        expect(await stop(id)).toMatchObject({ state: "stopped" });
        expect(await status(id)).toMatchObject({ status: "stopped", reason: "Stopped on request" });
        await gone(identity);
      });

      test("one that ignores SIGTERM, too, is killed", async () => {
        const id = await run("deafer", { ...ENDLESS, rehearsal: { step_ms: 5, fault: "ignores-sigterm" } });
        await training(id);
        const identity = await identityOf(id);
        expect(await stop(id)).toMatchObject({ state: "stopped" });
        expect(await status(id)).toMatchObject({ status: "stopped", exit_code: 137 });
        await gone(identity);
      });

      test("one that hangs can be stopped", async () => {
        const id = await run("hangs", { rehearsal: { fault: "hang@3" } });
        await reaches(id, { step: 3 });
        expect(await stop(id)).toMatchObject({ state: "stopped" });
      });

      test("D7: workers that outlive their run are ended before the next one starts", async () => {
        const id = await run("orphans", {
          train: { steps: 60 },
          dataset: { num_workers: 2 },
          rehearsal: { fault: "orphans", step_ms: 30 },
        });
        await training(id);
        const identity = await identityOf(id);
        await vi.waitFor(
          async () => expect((await sessionMembers(identity)).length).toBeGreaterThan(2),
          PATIENCE,
        );
        expect(await ended(id)).toMatchObject({ status: "completed" });
        expect(await sessionMembers(identity)).toEqual([]);
      });

      test("a config that cannot be trained is refused with what is wrong, and nothing is left of the job", async () => {
        const jobsBefore = await readdir(subject.paths.jobs);
        await putRun(subject.paths, "wrong", { train: { optimizer: "adamm" } });
        const reply = await subject.execute("start_training", { config_name: "wrong" });
        expect(reply).toMatchObject({ status: 400, success: false, code: "invalid_input" });
        expect(reply.error).toContain("Unknown optimizer 'adamm'");
        expect(await readdir(subject.paths.jobs)).toEqual(jobsBefore);
      });
    });

    describe("resuming", () => {
      test("a folder with a checkpoint is only gone on with when asked", async () => {
        const id = await run("resumed", { ...ENDLESS, save: { save_every: 20 } });
        await reaches(id, { last_checkpoint: { name: expect.any(String) } });
        await stop(id);
        const refused = await subject.execute("start_training", { config_name: "resumed" });
        expect(refused).toMatchObject({ status: 200, success: false, code: "conflict" });
        expect(refused.error).toMatch(/resumed_\d{9}\.safetensors/);
        expect(refused.json).toMatchObject({
          checkpoint: expect.stringMatching(/^resumed_/),
          step: expect.any(Number),
        });
        expect(refused.hint).toContain("resume: true");

        const { step } = refused.json ?? {};
        await putRun(subject.paths, "resumed", { train: { steps: Number(step) + 10 } });
        const again = await started("resumed", { resume: true });
        expect(await ended(again)).toMatchObject({ status: "completed", step: Number(step) + 10 });
        expect(await logs(again)).toContain(`Found step ${step} in metadata`);
      });

      test("a checkpoint that was cut off with its run is set aside, and the one before it is gone on with", async () => {
        await putRun(subject.paths, "torn", { save: { save_every: 4 }, rehearsal: { fault: "truncated@8" } });
        const id = await started("torn");
        expect(await ended(id)).toMatchObject({ status: "failed", last_checkpoint: { step: 4 } });
        expect(await checkpointsOf(id)).toEqual([4]);
        await putRun(subject.paths, "torn", { save: { save_every: 4 } });
        const again = await started("torn", { resume: true });
        expect(await ended(again)).toMatchObject({ status: "completed", step: 12 });
        expect(await logs(again)).toContain("Found step 4 in metadata");
      });

      test("a finished run is not gone over again by accident", async () => {
        const id = await run("finished");
        await ended(id);
        const refused = await subject.execute("start_training", { config_name: "finished" });
        expect(refused.json).toMatchObject({
          checkpoint: "finished.safetensors",
          step: null,
          code: "conflict",
        });
      });

      test("what a resume would do is told before; one that would train nothing takes force", async () => {
        await ended(await run("again"));
        const request = { config_name: "again", resume: true };
        const before = await subject.call("preflight", request);
        expect(before).toMatchObject({
          ready: false,
          will: { resumes_from_step: 12, steps: 12 },
          errors: [],
        });
        const refused = await subject.execute("start_training", request);
        expect(refused).toMatchObject({ status: 200, success: false, code: "conflict" });
        expect(refused.error).toContain("12 of 12 steps: nothing would be trained");
        expect(refused.json).toMatchObject({ checks: ["resume"] });
        expect(refused.hint).toContain("force: true");
        const answer = await subject.call("start_training", { ...request, force: true });
        expect(answer).toMatchObject({ status: "success", resumes_from: 12 });
        expect(await ended(String(answer["job_id"]))).toMatchObject({ status: "completed", step: 12 });
      });

      test("force passes over no error, and does not begin anew over checkpoints", async () => {
        await ended(await run("kept"));
        for (const [config_name, more] of [
          ["kept", {}],
          ["nothing_there", {}],
        ] as const) {
          const reply = await subject.execute("start_training", { config_name, force: true, ...more });
          expect(reply.success, config_name).toBe(false);
        }
      });

      test("a config with the same name inside does not take over another one's run unasked", async () => {
        const id = await run("original", { ...ENDLESS, save: { save_every: 20 } });
        await reaches(id, { last_checkpoint: { name: expect.any(String) } });
        await stop(id);
        const text = await readFile(join(subject.paths.config, "original.yaml"), "utf8");
        await writeFile(join(subject.paths.config, "copy.yaml"), text);
        const reply = await subject.execute("start_training", { config_name: "copy", resume: true });
        expect(reply).toMatchObject({ success: false, code: "conflict" });
        expect(reply.error).toContain("started from the config 'original', not from 'copy'");
      });
    });

    test("D29: what an unfinished job uses cannot be deleted; afterwards it can", async () => {
      const id = await run("in_use", { ...ENDLESS, save: { save_every: 20 } });
      const running = await reaches(id, { last_checkpoint: { name: expect.any(String) } });
      const { name } = running["last_checkpoint"] as { name: string };
      const deletes = [
        ["delete_config", { name: "in_use" }],
        ["delete_dataset", { name: "in_use" }],
        ["delete_model", { name: name.replace(".safetensors", "") }],
      ] as const;
      for (const [tool, args] of deletes) {
        const reply = await subject.execute(tool, args);
        expect(reply, tool).toMatchObject({ success: false, code: "conflict" });
        expect(reply.error, tool).toContain(id);
      }
      await stop(id);
      for (const [tool, args] of deletes.slice(0, 2))
        expect(await subject.call(tool, args)).toMatchObject({ success: true });
    });

    describe("when the agent ends", () => {
      const take = (next: Pick<Server, "url" | "token"> | undefined) => {
        if (!next) throw new Error("This server cannot be restarted");
        subject = subjectOf({ ...server, ...next });
      };

      test("D6: killed in the middle of a run, the next one finds the run again: same id, same process, same log", async ({
        skip,
      }) => {
        if (!server.crash) return skip("this server cannot be killed from here");
        const id = await run("survives", ENDLESS);
        const waiting = await run("patient");
        await training(id);
        const identity = await identityOf(id);
        take(await server.crash());
        const { step } = await training(id);
        expect(await identityOf(id)).toEqual(identity);
        expect(await status(waiting)).toMatchObject({ status: "pending", queue_position: 1 });
        await reaches(id, { step: expect.toSatisfy((next: number) => next > Number(step)) });
        expect(await stop(id)).toMatchObject({ state: "stopped" });
        expect(await status(id)).toMatchObject({ status: "stopped", exit_code: STOPPED });
        expect((await logs(id)).match(/REHEARSAL:/g)).toHaveLength(1);
        expect(await ended(waiting)).toMatchObject({ status: "completed" });
      });

      test.each([
        ["was completed", undefined, { status: "completed", exit_code: 0, progress: 100, reason: null }],
        [
          "failed",
          "crash@50",
          { status: "failed", exit_code: 1, reason: expect.stringContaining("illegal memory access") },
        ],
      ])("D6: a run that %s while no agent was there has the right verdict", async (what, fault, verdict) => {
        if (!server.crash) return;
        const rehearsal = { step_ms: 10, ...(fault && { fault }) };
        const id = await run(`unseen ${what}`, { train: { steps: 80 }, rehearsal });
        await training(id);
        take(await server.crash());
        expect(await ended(id)).toMatchObject(verdict);
      });

      test("D33: asked to end, it leaves the run alone; asked in the middle of a stop, the next one ends it gently", async ({
        skip,
      }) => {
        if (!server.restart) return skip("this server cannot be restarted from here");
        const id = await run("gentle", {
          ...ENDLESS,
          save: { save_every: 100 },
          rehearsal: { step_ms: 1, save_ms: 1_500 },
        });
        await reaches(id, { phase: "saving" });
        const stopping = subject.execute("stop_training", { job_id: id }).catch(() => undefined); // cut off with the agent
        await reaches(id, { phase: "stopping" });
        take(await server.restart());
        await stopping;
        // Killed in the middle of the save it would be a failure, and the checkpoint cut off.
        expect(await ended(id)).toMatchObject({ status: "stopped", exit_code: STOPPED });
        expect(await checkpointsOf(id)).toEqual([100]);
      });
    });
  });
}
