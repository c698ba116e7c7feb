// The queue's tools, as every way to reach the agent shows them. Nothing runs here: see modes/queue.test.ts.
import { expect, test } from "vitest";
import type { Json } from "../caller.ts";
import { putRun } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

export const queue: Chapter = (subject) => {
  const hold = async (config: string): Promise<string> => {
    const { call, paths } = subject();
    await putRun(paths, config);
    const answer = await call("start_training", { config_name: config, hold: true });
    expect(answer).toMatchObject({
      status: "success",
      state: "queued",
      pid: null,
      queue_position: expect.any(Number),
      held: true,
      gpu: null,
      waiting_for: expect.stringContaining("release"),
      expected_start: null,
    });
    return String(answer["job_id"]);
  };
  const waiting = async () => {
    const { waiting } = await subject().call("get_queue");
    return (waiting as Json[]).map(({ job_id }) => job_id);
  };

  test("get_queue shows where runs run, and who waits", async () => {
    const id = await hold("queue_shown");
    const answer = await subject().call("get_queue");
    expect(answer["note"]).toEqual(expect.any(String)); // the tests' machine hides its GPUs
    expect(answer["gpus"]).toEqual([
      expect.objectContaining({ index: null, uuid: null, busy_with: null, running: null }),
    ]);
    expect((answer["waiting"] as Json[]).find(({ job_id }) => job_id === id)).toEqual({
      position: expect.any(Number),
      job_id: id,
      config: "queue_shown",
      gpu: null,
      held: true,
      waiting_for: expect.stringContaining("held"),
      expected_start: null,
      expected_finish: null,
    });
    expect(await subject().call("get_training_status", { job_id: id })).toMatchObject({
      status: "pending",
      held: true,
      waiting_for: expect.stringContaining("held"),
    });
    const { jobs } = await subject().call("list_training_jobs", { status: "pending" });
    expect((jobs as Json[]).find(({ job_id }) => job_id === id)).toMatchObject({ held: true, gpu: null });
    await subject().call("stop_training", { job_id: id });
    expect(await waiting()).not.toContain(id);
  });

  test("update_queue moves a job", async () => {
    const ids = [await hold("queue_first"), await hold("queue_second"), await hold("queue_third")];
    const [first, second, third] = ids;
    const moved = await subject().call("update_queue", { job_id: third, action: "move", position: 1 });
    expect(moved).toMatchObject({ job_id: third, status: "success" });
    expect((moved["waiting"] as Json[]).map(({ job_id }) => job_id)).toEqual([third, first, second]);
    expect(await subject().call("get_training_status", { job_id: second })).toMatchObject({
      queue_position: 3,
    });
    for (const job_id of ids) await subject().call("stop_training", { job_id });
  });

  test.each([
    [{ action: "move" }, "invalid_input", /position, a gpu/],
    [{ action: "hold", position: 1 }, "invalid_input", /belong to the action move/],
    [{ action: "jump" }, "invalid_input", /'action' must be one of/],
    [{ action: "move", position: 0 }, "invalid_input", /position/],
    [{ action: "move", gpu: 0 }, "invalid_input", /There is no GPU to choose/],
  ])("update_queue refuses %j", async (more, code, message) => {
    const id = await hold(`queue_refuses_${JSON.stringify(more).replace(/\W+/g, "_")}`);
    const reply = await subject().execute("update_queue", { job_id: id, ...more });
    expect(reply).toMatchObject({ success: false, code });
    expect(reply.error).toMatch(message);
    await subject().call("stop_training", { job_id: id });
  });

  test("update_queue of a job that does not wait, or is none", async () => {
    const id = await hold("queue_gone");
    await subject().call("stop_training", { job_id: id });
    const gone = await subject().execute("update_queue", { job_id: id, action: "release" });
    expect(gone).toMatchObject({ success: false, code: "conflict" });
    expect(gone.error).toContain("stopped");
    expect(await subject().execute("update_queue", { job_id: "nobody", action: "hold" })).toMatchObject({
      success: false,
      code: "not_found",
    });
  });

  test.each([[[0, 1]], [true], [{ index: 0 }]])("start_training takes one GPU, not %j", async (gpu) => {
    await putRun(subject().paths, "queue_gpu");
    const reply = await subject().execute("start_training", { config_name: "queue_gpu", gpu });
    expect(reply).toMatchObject({ status: 400, code: "invalid_input" });
    expect(reply.error).toMatch(/'gpu' must be/);
    expect(await waiting()).toEqual([]);
  });
};
