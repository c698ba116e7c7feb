// For tests: what systemd does with our unit, as far as a run's life hangs on it, with real processes below a scratch
// root. Of KillMode=process, systemd.kill(5): "only the main process itself is killed".
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { layoutIn } from "../install/layout.ts";
import type { ServiceManager } from "../install/service-manager.ts";
import { settingsIn } from "../install/settings.ts";
import { environment } from "./program.ts";

export interface TestServiceManager extends ServiceManager {
  /** Of the service's main process. */
  pid(): number;
  /** As `systemctl kill --signal=KILL --kill-whom=main`, then starts it again as Restart=always does. */
  crash(): Promise<void>;
  log(): string;
}

const valueIn = (unit: string, key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(unit)?.[1];

/** Paths in unit and settings are those of the machine that `root` will be. */
export function serviceManager(root: string, stopMs = 20_000): TestServiceManager {
  const layout = layoutIn(root);
  let child: ChildProcess | undefined;
  let log = "";

  async function start(): Promise<void> {
    const unit = await readFile(layout.unit, "utf8");
    if (valueIn(unit, "KillMode") !== "process") throw new Error("The unit lets systemd end the trainings");
    const settings = settingsIn(await readFile(join(root, valueIn(unit, "EnvironmentFile") ?? ""), "utf8"));
    const [program = "", ...args] = (valueIn(unit, "ExecStart") ?? "")
      .split(" ")
      .map((word) => join(root, word));
    const data = join(root, settings["AI_TOOLKIT_PATH"] ?? "");
    const cache = join(root, "var/cache/node"); // of a program that is only here
    // A session of its own stands for the service's cgroup: a run must not depend on ours.
    child = spawn(program, args, {
      cwd: "/",
      detached: true,
      env: environment({ ...settings, AI_TOOLKIT_PATH: data, NODE_COMPILE_CACHE: cache }),
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    await once(child, "spawn");
  }

  async function kill(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const main = child;
    if (!main || main.exitCode !== null || main.signalCode !== null) return;
    const gone = once(main, "exit");
    main.kill(signal);
    const timer = setTimeout(() => main.kill("SIGKILL"), stopMs);
    await gone;
    clearTimeout(timer);
  }

  return {
    reload: async () => {},
    async restart() {
      await kill("SIGTERM");
      await start();
    },
    stop: () => kill("SIGTERM"),
    isActive: async () => child !== undefined && child.exitCode === null && child.signalCode === null,
    pid: () => child?.pid ?? 0,
    async crash() {
      await kill("SIGKILL");
      await start();
    },
    log: () => log,
  };
}
