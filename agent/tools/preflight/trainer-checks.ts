// Is there something to train with?
import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Request } from "../../trainer/trainer.ts";
import { error, isRehearsal, type MachineCheck, trainerOf, warning } from "./machine-check.ts";

/** Of a Python in a virtual environment without PyTorch; undefined for any other, or where it cannot be said. */
async function bareEnvironment(python: string): Promise<string | undefined> {
  const folder = dirname(dirname(python));
  const settings = await readFile(join(folder, "pyvenv.cfg"), "utf8").catch(() => undefined);
  if (settings === undefined || /include-system-site-packages\s*=\s*true/i.test(settings)) return undefined;
  const libraries = await readdir(join(folder, "lib")).catch((): string[] => []);
  for (const name of libraries.filter((each) => each.startsWith("python"))) {
    const torch = join(folder, "lib", name, "site-packages", "torch");
    if (await access(torch).then(() => true, () => false)) return undefined; // biome-ignore format: short
  }
  return folder;
}

export const TRAINER_CHECKS: readonly MachineCheck[] = [
  {
    name: "toolkit",
    run: ({ trainer }) =>
      "kind" in trainer
        ? []
        : [{ ...error(trainer.message, trainer.hint ?? "Install ai-toolkit"), refusal: trainer }],
    ok: (facts) => {
      if (isRehearsal(facts)) return "The rehearsal needs none";
      const toolkit = trainerOf(facts)?.toolkit;
      return `ai-toolkit ${toolkit?.version ?? "of unknown version"} in ${toolkit?.path}, run by ${toolkit?.python}`;
    },
  },
  {
    name: "rehearsal",
    run: (facts) => [
      isRehearsal(facts) &&
        warning(
          "This is a rehearsal: no model is trained, the files are placeholders",
          "For real training install ai-toolkit and start the agent without --trainer rehearsal",
        ),
    ],
    ok: () => "A real training",
  },
  {
    name: "toolkit's age",
    run: (facts) => {
      const toolkit = trainerOf(facts)?.toolkit;
      const update = `Update ai-toolkit in ${toolkit?.path} (git pull)`;
      if (!toolkit) return [];
      if (!toolkit.reports) {
        return [
          warning(
            "This ai-toolkit is older than September 2025: it does not report its progress, which is then read from the log alone",
            update,
          ),
        ];
      }
      const knows = (request: Request) => toolkit.requests.includes(request);
      const lack = !knows("save_now")
        ? "May 2026: it cannot save or sample on request"
        : !knows("sample_now") && "July 2026: it cannot draw samples on request";
      return [lack && warning(`This ai-toolkit is older than ${lack}`, update)];
    },
    ok: () => "It reports its progress, and saves on request",
  },
  {
    name: "python packages",
    run: async (facts) => {
      const python = trainerOf(facts)?.toolkit?.python;
      const folder = python ? await bareEnvironment(python) : undefined;
      return [
        folder !== undefined &&
          warning(
            `The virtual environment ${folder} has no PyTorch`,
            `Run ${join(folder, "bin/pip")} install -r requirements.txt in ai-toolkit's folder`,
          ),
      ];
    },
    ok: () => "No sign that any is missing",
  },
];
