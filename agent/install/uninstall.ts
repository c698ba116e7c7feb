// mcp-ai-toolkit uninstall: takes the program away, never the data.
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DEFAULT_DATA } from "../options.ts";
import { ACCOUNT_HOME, LAYOUT, layoutIn, SERVICE } from "./layout.ts";
import type { ServiceManager } from "./service-manager.ts";
import { settingsIn } from "./settings.ts";
import { type Print, removeStep, runSteps, type Step } from "./steps.ts";

export interface Uninstalling {
  readonly root: string;
  readonly manager: ServiceManager | undefined;
  /** Settings too; they may hold a Hugging Face token. */
  readonly purge: boolean;
  readonly dryRun: boolean;
  readonly print: Print;
}

export interface Left {
  readonly data: string;
  /** Of our own account: base models that trainings downloaded. undefined: it has none, or the service ran as a person. */
  readonly home: string | undefined;
}

/** @returns what stays */
export async function uninstall({ root, manager, purge, dryRun, print }: Uninstalling): Promise<Left> {
  const layout = layoutIn(root);
  const settings = settingsIn(await readFile(layout.settings, "utf8").catch(() => "")); // gone already
  const command = await readFile(layout.command, "utf8").catch(() => ""); // gone already
  const stop: Step[] = manager
    ? [
        {
          title: `Stop the service ${SERVICE}; trainings go on to their end`,
          run: async () => ((await manager.isActive()) ? void (await manager.stop()) : "did not run"),
        },
      ]
    : [];
  const reload: Step[] = manager
    ? [{ title: "Tell systemd", run: async () => void (await manager.reload()) }]
    : [];
  const steps = [
    ...stop,
    removeStep(layout.enabled),
    removeStep(layout.unit),
    ...reload,
    ...(command.includes(LAYOUT.current) ? [removeStep(layout.command)] : []),
    removeStep(dirname(layout.versions)),
    removeStep(layout.account),
    ...(purge ? [removeStep(dirname(layout.settings))] : []),
  ];
  await runSteps(steps, dryRun, print);
  const hasHome = await stat(join(root, ACCOUNT_HOME)).catch(() => undefined); // none
  return { data: settings["AI_TOOLKIT_PATH"] ?? DEFAULT_DATA, home: hasHome && ACCOUNT_HOME };
}
