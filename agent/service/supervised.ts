// A mode under a service manager: says that it is ready, that it is well, and that it is going.
import type { Log } from "../../shared/log.ts";
import type { Running } from "../modes/running.ts";
import { type ServiceManager, takeServiceManager } from "./notify.ts";
import { feedWatchdog } from "./watchdog.ts";

/** A round of supervision ends, and our own address answers. Not what it answers: a full disk is no reason to restart. */
async function works({ url, check }: Running, signal: AbortSignal): Promise<void> {
  await check?.();
  if (url === null) return;
  const response = await fetch(new URL("/health", url), { signal });
  await response.body?.cancel();
}

async function tell(manager: ServiceManager, log: Log, ...assignments: readonly string[]): Promise<void> {
  await manager.tell(...assignments).catch((err: unknown) => {
    log.error({ err }, "systemd-notify failed: the service manager does not know how we are");
  });
}

/** @returns what ends it, and says that we stop; nothing at all without a service manager */
export async function underServiceManager(running: Running, log: Log): Promise<() => Promise<void>> {
  const manager = takeServiceManager(process.env);
  if (!manager) return async () => {};
  await tell(manager, log, "READY=1", `STATUS=${running.url ?? "stdio"}`);
  const closing = new AbortController();
  const { watchdogMs } = manager;
  const feeding =
    watchdogMs !== undefined &&
    feedWatchdog(
      {
        limitMs: watchdogMs,
        works: (signal) => works(running, signal),
        feed: () => manager.tell("WATCHDOG=1"),
        log,
      },
      closing.signal,
    );
  return async () => {
    closing.abort();
    await feeding;
    await tell(manager, log, "STOPPING=1");
  };
}
