// systemd, as far as an installation needs it.
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import { SERVICE } from "./layout.ts";

export interface ServiceManager {
  /** Reads changed units. */
  reload(): Promise<void>;
  /** Starts the service, or ends it and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  isActive(): Promise<boolean>;
}

async function systemctl(...args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)("systemctl", args);
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    const [reason] = (stderr?.trim() || message).split("\n"); // the rest says where to look, as we do
    throw new Error(`systemctl ${args.join(" ")}: ${reason}`);
  }
}

const SYSTEMD: ServiceManager = {
  reload: () => systemctl("daemon-reload"),
  restart: () => systemctl("restart", SERVICE),
  stop: () => systemctl("stop", SERVICE),
  isActive: () =>
    systemctl("is-active", "--quiet", SERVICE).then(
      () => true,
      () => false,
    ),
};

/** undefined: systemd does not run here, in a container, say. (sd_booted(3)) */
export async function systemd(): Promise<ServiceManager | undefined> {
  const booted = await stat("/run/systemd/system").catch(() => undefined); // not there
  return booted && SYSTEMD;
}
