// contract.md §2.1: what the tools say about the machine, the presets, and jobs that are not there.
import { expect, test } from "vitest";
import type { Chapter } from "./chapter.ts";

export const system: Chapter = (subject) => {
  test("D12, D13: get_system_stats has measured figures", async () => {
    const stats = await subject().call("get_system_stats");
    expect(stats).toMatchObject({
      cpu_percent: expect.any(Number),
      memory_percent: expect.any(Number),
      disk_usage_percent: expect.any(Number),
      gpu: { cuda_available: expect.any(Boolean), devices: expect.any(Array) },
    });
    const { cuda_available, devices } = stats["gpu"] as { cuda_available: boolean; devices: unknown[] };
    expect(cuda_available).toBe(devices.length > 0);
    expect(stats["memory_percent"]).toBeGreaterThan(0);
  });

  test("list_model_presets begins with the old server's five", async () => {
    const answer = await subject().call("list_model_presets");
    expect(answer["note"]).toBe("Use these settings as a starting point for create_training_config");
    const presets = answer["presets"] as Record<string, unknown>[];
    const known = [
      "name",
      "is_flux",
      "is_xl",
      "is_v3",
      "recommended_resolution",
      "recommended_scheduler",
      "requires_quantize",
      "min_vram_gb",
    ];
    expect(presets.slice(0, 5).map((preset) => known.map((key) => preset[key]))).toEqual([
      ["Flux.1-dev", true, false, false, [512, 768, 1024], "flowmatch", true, 24],
      ["Flux.1-schnell", true, false, false, [512, 768, 1024], "flowmatch", true, 24],
      ["Stable Diffusion 1.5", false, false, false, [512], "ddpm", false, 8],
      ["Stable Diffusion XL", false, true, false, [1024], "ddpm", false, 12],
      ["Stable Diffusion 3.5 Large", false, false, true, [1024], "flowmatch", true, 24],
    ]);
    for (const preset of presets) {
      expect(preset).toMatchObject({ description: expect.any(String), model_path: expect.any(String) });
    }
  });

  test("get_training_info counts", async () => {
    const info = await subject().call("get_training_info");
    for (const key of ["active_jobs", "configs", "datasets", "models", "total_jobs"]) {
      expect(info[key], key).toEqual(expect.any(Number));
    }
  });

  test("list_training_jobs without jobs of a kind is an empty list", async () => {
    expect(await subject().call("list_training_jobs", { status: "pending" })).toMatchObject({
      jobs: [],
      total: 0,
    });
  });

  test("D30: get_training_status of an unknown job keeps its own shape", async () => {
    const reply = await subject().execute("get_training_status", { job_id: "nobody" });
    expect(reply).toMatchObject({ status: 200, success: false, error: "Job not found", code: "not_found" });
    expect(reply.json).toEqual({
      message: "Job not found",
      status: "error",
      code: "not_found",
      hint: expect.any(String),
    });
  });

  test("D30: stop_training of an unknown job", async () => {
    const reply = await subject().execute("stop_training", { job_id: "nobody" });
    expect(reply).toMatchObject({ status: 200, success: false, code: "not_found" });
    expect(reply.json).toEqual({
      error: "Job not found or already stopped",
      code: "not_found",
      hint: expect.any(String),
    });
  });

  test("D35: logs of an unknown job are no empty success", async () => {
    const reply = await subject().execute("get_training_logs", { job_id: "nobody" });
    expect(reply).toMatchObject({ status: 200, success: false, code: "not_found" });
    expect(reply.json).toMatchObject({ job_id: "nobody", lines: 0, logs: [], error: "Job not found" });
  });

  test.each(["get_training_status", "stop_training", "get_training_logs"])(
    "%s misses job_id",
    async (tool) => {
      const reply = await subject().execute(tool, {});
      expect(reply).toMatchObject({
        status: 400,
        error: "Invalid parameters: Missing 'job_id' parameter",
        code: "invalid_input",
      });
    },
  );

  test("every answer of a rehearsing machine says so", async () => {
    for (const tool of ["list_configs", "get_system_stats", "list_training_jobs"]) {
      expect(await subject().call(tool), tool).toMatchObject({ trainer: "rehearsal" });
    }
  });
};
