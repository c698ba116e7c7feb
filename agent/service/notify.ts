// What the program tells the service manager that started it, see sd_notify(3). The message is a datagram on a Unix
// socket, which Node cannot send; systemd's own helper can, and lies beside every systemd.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

type Environment = Record<string, string | undefined>;

export interface ServiceManager {
  /** How often it wants to hear from us before it takes us for hung; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
  /** E.g. `READY=1`. @throws Error when the helper cannot be run */
  tell(...assignments: readonly string[]): Promise<void>;
}

/** The helper waits until the manager has read its message; a manager that does not read must not hold us. */
const HELPER_MS = 5_000;
const TAKEN = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

function watchdogMsOf({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number | undefined {
  const ms = Number(WATCHDOG_USEC) / 1_000;
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid;
  return isOurs && ms > 0 ? ms : undefined;
}

/**
 * Takes the manager's variables out of `env`, so that no child of ours speaks in our name.
 * @returns undefined when nobody asked to be told
 */
export function takeServiceManager(env: Environment, pid = process.pid): ServiceManager | undefined {
  const socket = env["NOTIFY_SOCKET"];
  const watchdogMs = watchdogMsOf(env, pid);
  for (const name of TAKEN) delete env[name];
  if (!socket) return undefined;
  const options = { env: { PATH: env["PATH"], NOTIFY_SOCKET: socket }, timeout: HELPER_MS };
  return {
    watchdogMs,
    tell: async (...assignments) => void (await promisify(execFile)("systemd-notify", assignments, options)),
  };
}
