// Looking back at runs: what is kept of them, and how they differ.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { putRun, type RunBlocks, type Subject } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

const PATIENCE = { timeout: 20_000, interval: 50 };

async function completed(subject: Subject, config: string, blocks: RunBlocks): Promise<string> {
  await putRun(subject.paths, config, blocks);
  const job_id = String((await subject.call("start_training", { config_name: config }))["job_id"]);
  await vi.waitFor(
    async () =>
      expect(await subject.call("get_training_status", { job_id })).toMatchObject({ status: "completed" }),
    PATIENCE,
  );
  return job_id;
}

export const history: Chapter = (subject) => {
  test("the record of a run tells what it ran with and what it left, also when its folder is gone", async () => {
    const { call, execute, paths } = subject();
    const job_id = await completed(subject(), "kept for ever", {
      train: { steps: 30, disable_sampling: false },
      save: { save_every: 10 },
      sample: { sample_every: 10 },
    });
    const record = await call("get_run_record", { job_id });
    expect(record).toMatchObject({
      job_id,
      config: "kept for ever",
      status: "completed",
      step: 30,
      total_steps: 30,
      loss: { last: expect.any(Number), smoothed: expect.any(Number), min: { step: expect.any(Number) } },
      checkpoints: [
        { name: "kept for ever_000000010.safetensors", step: 10, exists: true },
        { step: 20, exists: true },
        { name: "kept for ever.safetensors", step: null, exists: true },
      ],
      samples: { count: 4, steps: [0, 10, 20, 30] },
      run_config: { config: { process: [{ train: { steps: 30, lr: 1e-4 } }] } },
    });
    const curves = await execute("get_training_metrics", { job_id });
    await rm(join(paths.output, "kept for ever"), { recursive: true });
    const later = (await call("get_run_record", { job_id }))["checkpoints"] as { exists: boolean }[];
    expect(later.map(({ exists }) => exists)).toEqual([false, false, false]);
    expect(await call("get_run_record", { job_id })).toEqual({ ...record, checkpoints: later });
    const kept = await execute("get_training_metrics", { job_id });
    expect(kept.json).toMatchObject({ note: expect.stringContaining("kept") });
    expect(kept.json?.["series"]).toEqual(expect.arrayContaining(curves.json?.["series"] as unknown[]));
    expect(await execute("get_training_samples", { job_id })).toMatchObject({
      success: false,
      code: "not_found",
      hint: expect.stringContaining("0, 10, 20, 30"),
    });
  });

  test("runs are compared by settings, loss at equal steps and pace", async () => {
    const { execute } = subject();
    const a = await completed(subject(), "compared a", { train: { steps: 40, lr: 1e-4 } });
    const b = await completed(subject(), "compared b", { train: { steps: 60, lr: 2e-4 } });
    const { json, result } = (await execute("compare_runs", { job_ids: [a, b], plot: true })) ?? {};
    expect(json).toMatchObject({
      runs: [
        { run: "compared a", job_id: a, status: "completed", step: 40, seconds_per_step: expect.any(Number) },
        { run: "compared b", job_id: b, status: "completed", step: 60, final_loss: expect.any(Number) },
      ],
      config_differences: {
        "train.lr": [1e-4, 2e-4],
        "train.steps": [40, 60],
        "datasets.0.folder_path": ["compared a", "compared b"],
      },
      loss_at_equal_steps: { columns: ["step", "compared a", "compared b"] },
    });
    const losses = json?.["loss_at_equal_steps"] as { rows: number[][] } | undefined;
    expect(losses?.rows).toHaveLength(10);
    expect(losses?.rows.at(-1)).toEqual([39, expect.any(Number), expect.any(Number)]);
    const [, words, picture] = result?.content ?? [];
    expect(words).toMatchObject({ text: expect.stringContaining("compared a orange, compared b sky blue") });
    expect(picture).toMatchObject({ type: "image", mimeType: "image/png" });
    const data = picture?.type === "image" ? picture.data : "";
    expect(Buffer.from(data, "base64").length).toBeLessThan(300_000);
    expect(await execute("compare_runs", { job_ids: [a, a] })).toMatchObject({ code: "invalid_input" });
  });

  test.each([
    ["get_run_record", { job_id: "nobody" }],
    ["compare_runs", { job_ids: ["nobody", "nothing"] }],
  ])("%s of a job that does not exist says so", async (tool, args) => {
    expect(await subject().execute(tool, args)).toMatchObject({
      status: 404,
      success: false,
      code: "not_found",
    });
  });
};
