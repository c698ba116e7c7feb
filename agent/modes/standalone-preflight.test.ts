// preflight and start_training on a machine with a GPU that is too small: nvidia-smi and the toolkit's Python are played
// by scripts, everything else is real.
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { pretendNvidiaSmi } from "../testing/nvidia-smi.ts";
import { newDataFolder, startProgram } from "../testing/program.ts";
import { putConfig, putDataset, putRun, subjectOf } from "../testing/subject.ts";

async function putScript(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}

vi.setConfig({ testTimeout: 60_000 });

/** A toolkit on which a "training" ends at once. */
async function putToolkit(data: string): Promise<void> {
  await putScript(join(data, "venv/bin/python"), "#!/bin/sh\nexit 0\n");
  await writeFile(join(data, "run.py"), "");
}

test("a model too large for the GPU, and gated, is only started by force", async () => {
  const data = await newDataFolder();
  const smi = await pretendNvidiaSmi({ uuid: "GPU-1", name: "NVIDIA GeForce RTX 3060", totalMib: 12_288 });
  await putToolkit(data);
  const program = await startProgram({
    data,
    args: ["--trainer", "ai-toolkit"],
    env: { PATH: `${smi.folder}:${process.env["PATH"]}` },
  });
  onTestFinished(async () => {
    await program.close();
    await rm(data, { recursive: true });
    await smi[Symbol.asyncDispose]();
  });
  const { call, execute, paths } = subjectOf(program);
  const process_ = {
    type: "diffusion_trainer",
    training_folder: paths.output,
    network: { type: "lora", linear: 16 },
    save: { save_every: 250, max_step_saves_to_keep: 4 },
    datasets: [{ folder_path: await putDataset(paths, "cats") }],
    train: { steps: 2000, lr: 1e-4, optimizer: "adamw8bit", noise_scheduler: "flowmatch" },
    model: { name_or_path: "black-forest-labs/FLUX.1-dev", arch: "flux", quantize: true },
    sample: { sampler: "flowmatch", sample_every: 500, prompts: ["a cat"] },
  };
  await putConfig(
    paths,
    "flux",
    JSON.stringify({ job: "extension", config: { name: "flux", process: [process_] } }),
  );

  const report = await call("preflight", { config_name: "flux" });
  expect(report).toMatchObject({
    ready: false,
    errors: [],
    will: {
      trainer: "ai-toolkit",
      gpu: 0,
      steps: 2000,
      checkpoint_bytes_each: 171_835_392,
      checkpoints_kept: 5,
      disk_needed_bytes: 6 * 171_835_392,
      vram_needed_gb: 24,
      vram_free_gb: 12,
    },
  });
  const blocking = (report["checks"] as { check: string; blocks?: boolean }[]).filter(({ blocks }) => blocks);
  expect(blocking.map(({ check }) => check)).toEqual(["vram", "gated model"]);

  const refused = await execute("start_training", { config_name: "flux" });
  expect(refused).toMatchObject({ status: 200, success: false, code: "conflict" });
  expect(refused.error).toContain("needs about 24 GB of VRAM, GPU 0 (RTX 3060) has 12 GB");
  expect(refused.hint).toContain("force: true");
  expect(await call("list_training_jobs")).toMatchObject({ jobs: [] });

  for (const gpu of ["GPU-1", "0", "auto"]) {
    expect(await call("preflight", { config_name: "flux", gpu })).toMatchObject({ will: { gpu: 0 } });
  }
  const wrong = await execute("preflight", { config_name: "flux", gpu: 7 });
  expect(wrong).toMatchObject({
    status: 400,
    code: "invalid_input",
    error: expect.stringContaining("no GPU '7'"),
  });

  const started = await call("start_training", { config_name: "flux", force: true });
  expect(started).toMatchObject({
    status: "success",
    warnings: expect.arrayContaining([expect.stringContaining("24 GB of VRAM")]),
  });
});

test("a real training never goes on from what a rehearsal has left, whatever is asked for", async () => {
  const data = await newDataFolder();
  const rehearsing = await startProgram({ data });
  const before = subjectOf({ ...rehearsing, data });
  await putRun(before.paths, "cats");
  const { job_id } = await before.call("start_training", { config_name: "cats" });
  await vi.waitFor(
    async () =>
      expect(await before.call("get_training_status", { job_id })).toMatchObject({ status: "completed" }),
    { timeout: 20_000, interval: 50 },
  );
  await rehearsing.stop();
  await rehearsing.exited;
  await putToolkit(data);
  const real = await startProgram({ data, args: ["--trainer", "ai-toolkit"] });
  onTestFinished(async () => {
    await real.close();
    await rm(data, { recursive: true });
  });
  const { call, execute, paths } = subjectOf({ ...real, data });
  const left = await readdir(join(paths.output, "cats"));
  for (const [wish, reason] of [
    [{ resume: true }, /was made by a rehearsal and has learned nothing/],
    [{}, /already holds cats\.safetensors/],
  ] as const) {
    const report = await call("preflight", { config_name: "cats", ...wish });
    expect(report).toMatchObject({
      ready: false,
      errors: expect.arrayContaining([expect.stringMatching(reason)]),
    });
    const refused = await execute("start_training", { config_name: "cats", force: true, ...wish });
    expect(refused).toMatchObject({ success: false, error: expect.stringMatching(reason) });
  }
  expect(await call("list_training_jobs")).toMatchObject({ total: 1 });
  expect(await readdir(join(paths.output, "cats"))).toEqual(left);
});
