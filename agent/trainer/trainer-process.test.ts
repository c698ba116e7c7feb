import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startRunPy } from "../testing/run-py.ts";
import { configsOf, readTrainerProcess, trainerProcesses, trainingTitle } from "./trainer-process.ts";

test.each([
  ["python /a/run.py /a/output/cats/.job_config.json", ["/a/output/cats/.job_config.json"]],
  ["python3 run.py -r config/a.yaml config/b.yaml", ["config/a.yaml", "config/b.yaml"]],
  ["python run.py --name run.py -l log.txt a.yaml", ["a.yaml"]],
  ["vim run.py", undefined],
  ["python train.py a.yaml", undefined],
  ["python -c from multiprocessing.spawn import spawn_main", undefined],
])("%s", (command, configs) => {
  expect(configsOf(command.split(" "))).toEqual(configs);
});

test.each([
  ["/a/output/my cats/.job_config.json", "the ai-toolkit web UI's job 'my cats'"],
  ["/a/output/a\u001b[31m\n/.job_config.json", "the ai-toolkit web UI's job 'a?[31m?'"],
  ["/a/config/dogs.yaml", "ai-toolkit with dogs.yaml"],
])("%j is %s", (config, title) => {
  expect(trainingTitle({ configs: [config] })).toBe(title);
});

test.runIf(process.platform === "linux")(
  "a run.py that runs is found with its config and its job",
  async () => {
    const toolkit = await realpath(await mkdtemp(join(tmpdir(), "run-py-")));
    const { pid, kill } = await startRunPy({ toolkit, config: "config/cats.yaml", jobId: "row-1" });
    onTestFinished(async () => {
      await kill();
      await rm(toolkit, { recursive: true });
    });
    const trainer = { pid, configs: [join(toolkit, "config/cats.yaml")], jobId: "row-1", cwd: toolkit };
    expect(await trainerProcesses()).toContainEqual(trainer);
    expect(await readTrainerProcess(process.pid)).toBeUndefined();
  },
);
