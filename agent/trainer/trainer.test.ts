import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { scratch } from "../testing/scratch.ts";
import { trainerEnvironment } from "./environment.ts";
import { findToolkit, resolveTrainer, type TrainerOptions } from "./trainer.ts";

async function toolkit(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await scratch();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
    if (name.includes("bin/")) await chmod(join(folder, name), 0o755);
  }
  return folder;
}

const options = (folder: string, more: Partial<TrainerOptions> = {}): TrainerOptions => ({
  choice: "auto",
  toolkitFolders: [folder],
  rehearsalCommand: ["node", "rehearse"],
  searchPath: "",
  ...more,
});

const FULL = {
  "run.py": "",
  "version.py": 'VERSION = "0.12.26"\n',
  "extensions_built_in/sd_trainer/DiffusionTrainer.py":
    'os.environ.get("AITK_JOB_ID") "SELECT stop FROM Job"',
  "venv/bin/python": "",
};

test("D24: the toolkit's own virtual environment runs it, in its folder", async () => {
  const folder = await toolkit(FULL);
  expect(await resolveTrainer(options(folder))).toMatchObject({
    kind: "ai-toolkit",
    command: [join(folder, "venv/bin/python"), "run.py"],
    cwd: folder,
    reports: true,
    requests: ["stop"],
    toolkit: { version: "0.12.26" },
  });
});

test(".venv comes before venv, a Python of the user's before both, python3 of the path last", async () => {
  const folder = await toolkit({ ...FULL, ".venv/bin/python": "", "bin/python3": "", "own/bin/python": "" });
  expect((await findToolkit(options(folder)))?.python).toBe(join(folder, ".venv/bin/python"));
  const own = join(folder, "own/bin/python");
  expect((await findToolkit(options(folder, { python: own })))?.python).toBe(own);
  const bare = await toolkit({ "run.py": "" });
  expect(
    (await findToolkit(options(bare, { searchPath: `/nonexistent:${join(folder, "bin")}` })))?.python,
  ).toBe(join(folder, "bin/python3"));
});

test("an old toolkit is found with what it cannot do", async () => {
  const folder = await toolkit({ "run.py": "" });
  expect(await findToolkit(options(folder))).toEqual({
    path: folder,
    version: null,
    python: null,
    reports: false,
    requests: [],
  });
});

test("what a toolkit can be asked is read from its own source", async () => {
  const reporter = "extensions_built_in/sd_trainer/DiffusionTrainer.py";
  const source = 'os.environ.get("AITK_JOB_ID") "SELECT stop FROM Job" "SELECT save_now FROM Job"';
  const folder = await toolkit({ ...FULL, [reporter]: source });
  expect(await resolveTrainer(options(folder))).toMatchObject({ requests: ["stop", "save_now"] });
});

test("the second folder is looked into when the first holds no toolkit", async () => {
  const [empty, folder] = [await toolkit({}), await toolkit(FULL)];
  expect(await findToolkit(options(empty, { toolkitFolders: [empty, folder] }))).toMatchObject({
    path: folder,
    version: "0.12.26",
  });
});

test("without a toolkit `auto` says what to do and never rehearses silently", async () => {
  const failed = await resolveTrainer(options(await toolkit({}))).catch((error: unknown) => error);
  expect(failed).toMatchObject({
    code: "trainer_missing",
    hint: expect.stringContaining("--trainer rehearsal"),
  });
});

test("a toolkit without any Python is missing, too", async () => {
  await expect(resolveTrainer(options(await toolkit({ "run.py": "" })))).rejects.toMatchObject({
    code: "trainer_missing",
  });
});

test("the rehearsal is taken when asked for by name, toolkit or not", async () => {
  expect(await resolveTrainer(options(await toolkit(FULL), { choice: "rehearsal" }))).toMatchObject({
    kind: "rehearsal",
    command: ["node", "rehearse"],
  });
});

test("D24: the trainer's environment is an allow-list plus what it needs", () => {
  const own = {
    PATH: "/bin",
    HF_TOKEN: "hf_x",
    CUDA_VISIBLE_DEVICES: "1",
    MCP_AI_TOOLKIT_TOKEN: "secret",
    AWS_SECRET_ACCESS_KEY: "secret",
    REHEARSAL_FAULT: "oom",
    NOTHING: undefined,
  };
  expect(trainerEnvironment(own, { AITK_JOB_ID: "j" })).toEqual({
    PATH: "/bin",
    HF_TOKEN: "hf_x",
    CUDA_VISIBLE_DEVICES: "1",
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    PYTHONUNBUFFERED: "1",
    PYTHONIOENCODING: "utf-8",
    IS_AI_TOOLKIT_UI: "1",
    AITK_JOB_ID: "j",
  });
  expect(trainerEnvironment(own, {}, ["REHEARSAL_"])).toMatchObject({ REHEARSAL_FAULT: "oom" });
});

test("whatever preflight takes for a Hugging Face login, or for a downloaded model, the trainer sees, too", () => {
  const names = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "HF_HUB_CACHE"];
  const own = Object.fromEntries([...names, "XDG_CACHE_HOME", "HOME"].map((name) => [name, "x"]));
  expect(trainerEnvironment(own, {})).toMatchObject(own);
});
