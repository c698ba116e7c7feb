#!/usr/bin/env node
// The command line: which mode, until which signal, with which exit code.
import module from "node:module";
import { type Command, CommanderError } from "commander";
import type { Log } from "../shared/log.ts";
import { commandIn } from "./commands/index.ts";
import type { Running } from "./modes/running.ts";
import { type Options, parseOptions } from "./options.ts";
import { CHECK_COMMAND } from "./program.ts";
import type { LogLevel } from "./serve-options.ts";
import { UsageError } from "./usage-error.ts";

const MODES = {
  standalone: async () => (await import("./modes/standalone.ts")).standalone,
  server: async () => (await import("./modes/server.ts")).server,
  client: async () => (await import("./modes/client.ts")).client,
  stdio: async () => (await import("./modes/stdio.ts")).stdio,
  agent: async () => (await import("./modes/standalone.ts")).standalone,
} as const;

async function serve(options: Options): Promise<number> {
  const start = await MODES[options.mode]();
  return await run(options, async (log) => {
    const running = await start(options, log);
    if (running.url) {
      const fields = { url: running.url, data: options.data, trainer: options.trainer };
      const endpoint = options.mode === "server" ? running.url : `${running.url}/mcp`;
      log.info(fields, `${options.mode} mode: ${endpoint}`);
    }
    return running;
  });
}

async function serveRouter(argv: readonly string[]): Promise<number> {
  const { parseRouterOptions } = await import("./modes/router-options.ts");
  const options = parseRouterOptions(argv, process.env);
  const { router } = await import("./modes/router.ts");
  return await run(options, async (log) => {
    const running = await router(options, log);
    log.info(
      { url: running.url, data: options.data },
      `router: ${running.url}/mcp, machines at ${running.url}/agent`,
    );
    return running;
  });
}

interface RunOptions {
  readonly logLevel: LogLevel;
  readonly insecure: boolean;
}

/** Runs a mode until it ends by itself or is asked to. @returns the exit code */
async function run(
  { logLevel, insecure }: RunOptions,
  start: (log: Log) => Promise<Running>,
): Promise<number> {
  const { createLog } = await import("./log.ts");
  const log = createLog(logLevel);
  const running = await start(log);
  if (insecure && running.url)
    log.warn({}, "INSECURE: anybody who reaches this address can start and delete things");
  // Kept also for the case that nobody lets us end in peace.
  module.flushCompileCache?.();
  const stopped = new Promise<number>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve(0));
  });
  const leave = await (await import("./service/supervised.ts")).underServiceManager(running, log);
  const code = await Promise.race([stopped, running.ended]);
  log.info({}, "closing; runs go on");
  await leave();
  await running.close();
  return code;
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === "rehearse") return (await import("./rehearsal/main.ts")).runRehearsal(argv.slice(1));
  if (argv[0] === CHECK_COMMAND)
    return (await import("./tools/datasets/check/check-server.ts")).serveChecks(argv[1]);
  const command = commandIn(argv);
  if (command) return runCommand(await command.load(), argv.slice(command.words));
  if (argv[0] === "router") return serveRouter(argv.slice(1));
  const mode = argv[0] === "agent" ? ["--mode", "agent", ...argv.slice(1)] : argv;
  return serve(parseOptions(mode, process.env));
}

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  // Who reads only the first lines (| head) has read enough.
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : 1));
  for (const each of [command, ...command.commands]) each.exitOverride();
  try {
    await command.parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? 0); // some have an answer that is no error of theirs
  } catch (error) {
    if (error instanceof CommanderError)
      throw new UsageError(error.message, error.exitCode === 0 ? 0 : 2, true);
    throw error;
  }
}

/** What still holds the loop then (a keep-alive socket, a child that outlives us) must not keep us. */
const LEAVE_MS = 200;

/**
 * Ends as soon as nothing is left to do. Not by process.exit() at once: that joins V8's threads while one of them may
 * wait for the main thread's garbage collector, for ever (nodejs/node#54918); seen with short commands on a busy machine.
 */
function leave(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), LEAVE_MS).unref();
}

try {
  leave(await main(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) {
    console.error(`mcp-ai-toolkit: ${error instanceof Error ? error.message : String(error)}`);
  } else if (!error.printed) {
    console.error(error.message);
  }
  leave(error instanceof UsageError ? error.exitCode : 1);
}
