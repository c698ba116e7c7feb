// contract.md §2.1: the tools for training configs, each answer and each way to fail.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { putConfig, putDataset, putRun } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

export const configs: Chapter = (subject) => {
  const create = (args: object) => subject().execute("create_training_config", args);
  const written = async (name: string) =>
    parse(await readFile(join(subject().paths.config, `${name}.yaml`), "utf8"));

  test("create_training_config writes the tree that the old server wrote", async () => {
    const { call, paths } = subject();
    const folder = await putDataset(paths, "cats");
    const answer = await call("create_training_config", {
      name: "tree",
      model_name: "stable-diffusion-v1-5/stable-diffusion-v1-5",
      dataset_path: "cats",
      resolution: [256, 512],
      steps: 700,
      batch_size: 2,
      rank: 8,
      alpha: 4,
      lr: 0.0002,
      optimizer: "adamw8bit",
      noise_scheduler: "ddpm",
      trigger_word: "mycat",
      prompts: ["[trigger] on a sofa"],
      quantize: false,
      gradient_checkpointing: false,
      cache_latents: false,
      caption_dropout_rate: 0.1,
    });
    expect(answer).toMatchObject({
      config: "tree",
      path: join(paths.config, "tree.yaml"),
      status: "success",
    });
    expect(await written("tree")).toMatchObject({
      job: "extension",
      config: {
        name: "tree",
        process: [
          {
            training_folder: paths.output, // D1: absolute, the folder that is searched for models
            device: "cuda:0",
            trigger_word: "mycat",
            network: { type: "lora", linear: 8, linear_alpha: 4 },
            save: { dtype: "float16", save_every: 250, max_step_saves_to_keep: 4, push_to_hub: false },
            datasets: [
              {
                folder_path: folder, // D27: absolute, made from the data set's name
                caption_ext: "txt",
                caption_dropout_rate: 0.1,
                shuffle_tokens: false,
                cache_latents_to_disk: false,
                resolution: [256, 512],
                is_reg: false,
              },
            ],
            train: {
              batch_size: 2,
              steps: 700,
              gradient_checkpointing: false,
              noise_scheduler: "ddpm",
              optimizer: "adamw8bit",
              lr: 0.0002,
              dtype: expect.any(String),
              ema_config: { use_ema: true, ema_decay: 0.99 },
            },
            model: { name_or_path: "stable-diffusion-v1-5/stable-diffusion-v1-5", quantize: false },
            sample: {
              sampler: "ddpm",
              width: 512,
              height: 512,
              prompts: ["[trigger] on a sofa"],
              seed: 42,
              sample_steps: 20,
            },
            logging: { use_ui_logger: true, use_wandb: false }, // D25
          },
        ],
      },
      meta: { name: "[name]", version: "1.0" },
    });
  });

  test("D22: without a model it is the living copy of SD 1.5", async () => {
    await create({ name: "no_model", dataset_path: "cats" });
    const { model, train, datasets } = (await written("no_model")).config.process[0];
    expect(model.name_or_path).toBe("stable-diffusion-v1-5/stable-diffusion-v1-5");
    expect(train).toMatchObject({
      steps: 2000,
      batch_size: 1,
      lr: 0.0001,
      optimizer: "adamw",
      noise_scheduler: "ddpm",
    });
    expect(datasets[0].resolution).toBe(512);
  });

  test("D21: Flux gets its own defaults from its name", async () => {
    await create({ name: "flux", dataset_path: "cats", model_name: "black-forest-labs/FLUX.1-dev" });
    const { model, train, datasets, sample } = (await written("flux")).config.process[0];
    expect(model).toMatchObject({ name_or_path: "black-forest-labs/FLUX.1-dev", quantize: true });
    expect(train).toMatchObject({ optimizer: "adamw8bit", noise_scheduler: "flowmatch", dtype: "bf16" });
    expect(datasets[0].resolution).toEqual([512, 768, 1024]);
    expect(sample).toMatchObject({ guidance_scale: 4, width: 1024, height: 1024 });
  });

  test("D23: schnell gets the adapter it cannot be trained without, and samples in four steps", async () => {
    await create({ name: "schnell", dataset_path: "cats", model_name: "black-forest-labs/FLUX.1-schnell" });
    const { model, sample } = (await written("schnell")).config.process[0];
    expect(model.assistant_lora_path).toBe("ostris/FLUX.1-schnell-training-adapter");
    expect(sample).toMatchObject({ guidance_scale: 1, sample_steps: 4 });
  });

  test.each([
    [{ dataset_path: "cats" }, "name"],
    [{ name: "x" }, "dataset_path"],
    [{ name: 3, dataset_path: "cats" }, "name"],
    [{ name: "x", dataset_path: ["cats"] }, "dataset_path"],
    [undefined, "name"],
  ])("create_training_config(%j) misses %s", async (args, name) => {
    const { status, success, result, error, code } = await subject().execute("create_training_config", args);
    expect({ status, success, result, error, code }).toEqual({
      status: 400,
      success: false,
      result: null,
      error: `Invalid parameters: Missing '${name}' parameter`,
      code: "invalid_input",
    });
  });

  test("an optional argument of the wrong type is left out and named, as are unknown ones", async () => {
    const answer = await subject().call("create_training_config", {
      name: "wrong_types",
      dataset_path: "cats",
      steps: "900",
      rank: -3,
      learning_rate: 1,
    });
    const warnings = (answer["warnings"] as string[]).join("\n");
    for (const name of ["'steps'", "'rank'", "'learning_rate'"]) expect(warnings).toContain(name);
    const [process] = (await written("wrong_types")).config.process;
    expect(process).toMatchObject({ train: { steps: 2000 }, network: { linear: 16 } });
  });

  test.each([
    [{ steps: 0 }, "'steps'"],
    [{ caption_dropout_rate: 2 }, "'caption_dropout_rate'"],
    [{ optimizer: "adamm" }, "'optimizer' must be one of"],
    [{ noise_scheduler: "magic" }, "'noise_scheduler' must be one of"],
    [{ prompts: ["my $" + "{HOME}"] }, "'prompts[0]'"],
  ])("a value that cannot be trained with (%j) is refused", async (args, what) => {
    const { status, error, code } = await create({ name: "refused", dataset_path: "cats", ...args });
    expect({ status, code }).toEqual({ status: 400, code: "invalid_input" });
    expect(error).toMatch(/^Invalid parameters: /);
    expect(error).toContain(what);
  });

  test("D27: an existing config is only replaced when asked", async () => {
    const { call } = subject();
    await create({ name: "twice", dataset_path: "cats", steps: 100 });
    const again = await create({ name: "twice", dataset_path: "cats", steps: 200 });
    expect(again).toMatchObject({
      status: 409,
      success: false,
      code: "conflict",
      hint: expect.stringContaining("overwrite"),
    });
    expect((await written("twice")).config.process[0].train.steps).toBe(100);

    const replaced = await call("create_training_config", {
      name: "twice",
      dataset_path: "cats",
      steps: 200,
      overwrite: true,
    });
    expect(replaced).toMatchObject({ config: "twice", status: "success", replaced: true });
    expect((await written("twice")).config.process[0].train.steps).toBe(200);
  });

  test("list_configs answers with sorted names, without what is no config", async () => {
    const { call, paths } = subject();
    await putConfig(paths, "zebra", "job: extension");
    await putConfig(paths, "aardvark", "job: extension");
    await writeFile(join(paths.config, "notes.txt"), "x");
    await mkdir(join(paths.config, "folder.yaml"), { recursive: true });
    const { configs: names } = (await call("list_configs")) as { configs: string[] };
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(["aardvark", "zebra"]));
    expect(names).not.toEqual(expect.arrayContaining(["notes"]));
    expect(names).not.toContain("folder");
  });

  test("get_config answers with the parsed file", async () => {
    const { call, paths } = subject();
    await putConfig(paths, "mine", "# by hand\njob: extension\nconfig:\n  name: mine\n  on: yes\n");
    expect(await call("get_config", { name: "mine" })).toMatchObject({
      config: { job: "extension", config: { name: "mine" } },
      yaml: expect.stringContaining("# by hand"),
    });
  });

  test("D30: a config that is not there is a soft error: HTTP 200, the old body, and now a code", async () => {
    const gone = {
      status: 200,
      success: false,
      error: "Configuration not found",
      code: "not_found",
      hint: expect.any(String),
    };
    for (const [tool, args, body] of [
      ["get_config", { name: "gone" }, {}],
      ["delete_config", { name: "gone" }, { success: false }],
      ["start_training", { config_name: "gone" }, {}],
    ] as const) {
      const reply = await subject().execute(tool, args);
      expect(reply, tool).toMatchObject({ ...gone, result: { isError: true } });
      expect(reply.json, tool).toEqual({
        error: "Configuration not found",
        ...body,
        code: "not_found",
        hint: expect.any(String),
      });
    }
  });

  test("get_config of a file that is no YAML says what is wrong with it", async () => {
    await putConfig(subject().paths, "broken", "job: [1, 2\nconfig: }");
    const { status, success, error } = await subject().execute("get_config", { name: "broken" });
    expect({ status, success }).toEqual({ status: 409, success: false });
    expect(error).toContain("Invalid YAML format: ");
  });

  test("D15: what goes wrong inside is a 500 with the old prefix, and the server lives on", async () => {
    await putConfig(subject().paths, "latin1", Buffer.from([0x6a, 0xff, 0xfe, 0x0a]));
    const reply = await subject().execute("get_config", { name: "latin1" });
    expect(reply).toMatchObject({ status: 500, success: false, result: null, code: "internal" });
    expect(reply.error).toMatch(/^Internal error: Failed to read config: /);
    expect((await subject().send("/health")).status).toBe(200);
  });

  test("delete_config moves the file to the trash", async () => {
    const { call, execute, paths } = subject();
    await putConfig(paths, "unwanted", "job: extension");
    expect(await call("delete_config", { name: "unwanted" })).toMatchObject({
      deleted: "unwanted",
      success: true,
    });
    expect(await execute("get_config", { name: "unwanted" })).toMatchObject({
      success: false,
      code: "not_found",
    });
  });

  test("validate_config: a good config is valid", async () => {
    const { call, paths } = subject();
    await putRun(paths, "good");
    expect(await call("validate_config", { name: "good" })).toMatchObject({
      errors: [],
      valid: true,
      warnings: expect.any(Array),
    });
  });

  test("preflight answers with every check, and with what the run would do", async () => {
    const { call, paths } = subject();
    await putRun(paths, "checked");
    const answer = await call("preflight", { config_name: "checked" });
    expect(answer).toMatchObject({
      config: "checked",
      ready: true,
      errors: [],
      warnings: expect.arrayContaining([expect.stringContaining("This is a rehearsal")]),
      will: {
        output_folder: join(paths.output, "checked"),
        resumes_from_step: null,
        steps: 12,
        trainer: "rehearsal",
        checkpoints_kept: 1,
        checkpoint_bytes_each: null,
        disk_needed_bytes: null,
        disk_free_bytes: expect.any(Number),
      },
    });
    expect(answer["checks"]).toContainEqual({
      check: "captions",
      level: "ok",
      message: "4 images; 4 captions",
      fix: null,
    });
    expect(await call("list_training_jobs", {})).not.toMatchObject({ jobs: [{ config: "checked" }] });
  });

  test("preflight of a config that cannot be trained says why, and what to do", async () => {
    const { call, execute, paths } = subject();
    await putRun(paths, "unchecked", {
      train: { optimizer: "adamm" },
      dataset: { folder_path: "datasets/none" },
    });
    const { ready, checks, errors } = await call("preflight", { config_name: "unchecked" });
    expect({ ready, errors }).toEqual({
      ready: false,
      errors: [
        "Dataset 0 folder does not exist: datasets/none",
        expect.stringContaining("Unknown optimizer 'adamm'"),
      ],
    });
    expect((checks as object[])[0]).toEqual({
      check: "dataset folders",
      level: "error",
      message: "Dataset 0 folder does not exist: datasets/none",
      fix: expect.stringContaining("upload_dataset"),
    });
    expect(await execute("preflight", { config_name: "gone" })).toMatchObject({
      status: 200,
      success: false,
      error: "Configuration not found",
      code: "not_found",
    });
  });

  test.each([
    ["no_job", "config: {name: a, process: [{type: sd_trainer}]}", "Missing required key: 'job'"],
    ["no_config", "job: extension", "Missing required key: 'config'"],
    ["no_name", "job: extension\nconfig: {process: []}", "Missing required key: 'config.name'"],
    ["no_process", "job: extension\nconfig: {name: a}", "Missing required key: 'config.process'"],
    ["process_text", "job: extension\nconfig: {name: a, process: x}", "'config.process' is not an array"],
    ["process_none", "job: extension\nconfig: {name: a, process: []}", "'config.process' array is empty"],
    [
      "no_datasets",
      "job: extension\nconfig: {name: a, process: [{type: sd_trainer}]}",
      "Missing 'datasets' in process config",
    ],
    [
      "no_model",
      "job: extension\nconfig: {name: a, process: [{type: sd_trainer}]}",
      "Missing 'model' in process config",
    ],
    [
      "no_folder",
      "job: extension\nconfig: {name: a, process: [{type: sd_trainer, datasets: [{}]}]}",
      "Dataset 0 missing 'folder_path'",
    ],
    [
      "no_path",
      "job: extension\nconfig: {name: a, process: [{type: sd_trainer, model: {}}]}",
      "Missing 'model.name_or_path'",
    ],
    ["not_yaml", "a: [", /^Invalid YAML: /],
  ])("validate_config: %s", async (name, yaml, error) => {
    await putConfig(subject().paths, name, yaml);
    const answer = await subject().call("validate_config", { name });
    expect(answer["valid"]).toBe(false);
    expect(answer["errors"]).toEqual(
      expect.arrayContaining([typeof error === "string" ? error : expect.stringMatching(error)]),
    );
  });

  test("validate_config: D30: a missing file is a finding, not a failed call", async () => {
    const { success, status, json } = await subject().execute("validate_config", { name: "never_was" });
    expect({ success, status }).toEqual({ success: true, status: 200 });
    expect(json).toMatchObject({ errors: ["Configuration file not found"], valid: false, warnings: [] });
  });

  test("D20: validate_config looks for folders below the data folder, in every process", async () => {
    const { call, paths } = subject();
    await putDataset(paths, "there");
    const process = (folder: string) =>
      `{type: sd_trainer, training_folder: ${paths.output}, datasets: [{folder_path: ${folder}}], model: {name_or_path: a/b}, network: {type: lora}, train: {lr: 1e-4}}`;
    await putConfig(
      paths,
      "relative",
      `job: extension\nconfig: {name: a, process: [${process("datasets/there")}, ${process("datasets/missing")}]}`,
    );
    const { valid, warnings } = await call("validate_config", { name: "relative" });
    expect(valid).toBe(true);
    expect(warnings).toEqual(
      expect.arrayContaining([expect.stringContaining("Dataset 0 folder does not exist: datasets/missing")]),
    );
    expect(JSON.stringify(warnings)).not.toContain("datasets/there");
  });
};
