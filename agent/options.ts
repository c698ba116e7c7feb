// Flags and environment → Options. Every flag has an environment variable; the flag wins.
import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { Command } from "commander";
import { shellWord } from "../shared/file-links.ts";
import { SERVER_VERSION } from "../shared/server-info.ts";
import { CALLED } from "./called.ts";
import { commandLines } from "./commands/list.ts";
import { exportRoots } from "./export-roots.ts";
import { type LinkFlags, type LinkOptions, linkOptions, withLinkFlags } from "./link-options.ts";
import { type LogFlags, logLimits, withLogFlags } from "./log-options.ts";
import { isLoopback } from "./loopback.ts";
import { type Environment, envOption, list, numberOf, oneOf, parseFlags } from "./option-values.ts";
import { type ExportRoot, pathsOf } from "./paths.ts";
import { type ServeFlags, type ServeOptions, serveOptions, withServeFlags } from "./serve-options.ts";
import type { LogLimits } from "./tools/training/log-limits.ts";
import type { TrainerChoice } from "./trainer/trainer.ts";
import { UsageError } from "./usage-error.ts";

export const MODES = ["standalone", "stdio", "server", "client", "agent"] as const;
export type Mode = (typeof MODES)[number];

export interface Options extends ServeOptions {
  readonly mode: Mode;
  readonly backendUrl: string | undefined;
  readonly backendToken: string | undefined;
  readonly data: string;
  readonly state: string | undefined;
  readonly toolkitFolders: readonly [string, ...string[]];
  readonly python: string | undefined;
  readonly trainer: TrainerChoice;
  readonly datasetRoots: readonly string[];
  readonly exportRoots: readonly ExportRoot[];
  /** How long a trainer may take to end after it was asked to; undefined for the usual time. */
  readonly stopGraceSeconds: number | undefined;
  readonly logs: LogLimits;
  readonly link: LinkOptions;
}

export const DEFAULT_PORT = 8012;
export const DEFAULT_DATA = "/ai-toolkit";

const paths = (value: string | undefined) => (value ?? "").split(delimiter).filter((path) => path !== "");
export function buildCommand(): Command {
  const command = new Command("mcp-ai-toolkit")
    .description(
      "Train LoRAs with ostris/ai-toolkit on this machine, from any LLM client. Speaks MCP and REST.",
    )
    .version(`mcp-ai-toolkit ${SERVER_VERSION}`, "-V, --version")
    .helpOption("-h, --help")
    .addOption(
      envOption(
        "-m, --mode <mode>",
        "MCP_AI_TOOLKIT_MODE",
        "standalone: MCP and REST over HTTP · stdio: MCP over stdin/stdout · server: REST only · client: MCP here, tools at --backend-url · agent: standalone, and dials out to the router it has joined [default: standalone]",
      ),
    )
    .addOption(
      envOption(
        "--data <folder>",
        "AI_TOOLKIT_PATH",
        `configs, datasets, output, and ai-toolkit itself [default: ${DEFAULT_DATA}]`,
      ),
    )
    .addOption(
      envOption(
        "--state <folder>",
        "MCP_AI_TOOLKIT_STATE",
        "jobs, logs and trash [default: <data>/.mcp-ai-toolkit]",
      ),
    )
    .addOption(
      envOption(
        "--trainer <trainer>",
        "MCP_AI_TOOLKIT_TRAINER",
        "auto, ai-toolkit, or rehearsal: plays a training without a GPU [default: auto]",
      ),
    )
    .addOption(
      envOption(
        "--toolkit <folder>",
        "MCP_AI_TOOLKIT_TOOLKIT",
        "where ai-toolkit's run.py is [default: <data>, then <data>/ai-toolkit]",
      ),
    )
    .addOption(
      envOption(
        "--python <file>",
        "MCP_AI_TOOLKIT_PYTHON",
        "Python that runs ai-toolkit [default: the toolkit's venv, then python3]",
      ),
    )
    .addOption(
      envOption(
        "--dataset-root <folder>",
        "MCP_AI_TOOLKIT_DATASET_ROOTS",
        "a further folder that dataset_path may point into; may be given again",
      ).argParser(list),
    )
    .addOption(
      envOption(
        "--export-root <[name=]folder>",
        "MCP_AI_TOOLKIT_EXPORT_ROOTS",
        "a folder outside that export_model may write to, e.g. comfy=/srv/ComfyUI/models/loras; may be given again",
      ).argParser(list),
    )
    .addOption(
      envOption(
        "--stop-grace <seconds>",
        "MCP_AI_TOOLKIT_STOP_GRACE",
        "how long a trainer may take to end once it was asked to, before it is made to [default: 30]",
      ),
    )
    .addOption(
      envOption(
        "--backend-url <url>",
        "MCP_AI_TOOLKIT_BACKEND_URL",
        "client mode: the server that has the tools",
      ),
    )
    .addOption(
      envOption(
        "--backend-token <token>",
        "MCP_AI_TOOLKIT_BACKEND_TOKEN",
        "client mode: that server's token",
      ),
    );
  return withLinkFlags(withServeFlags(withLogFlags(command), DEFAULT_PORT)).addHelpText(
    "after",
    `
Commands (mcp-ai-toolkit COMMAND --help tells more of each):

${commandLines()}

Examples:
  mcp-ai-toolkit --data /ai-toolkit                        MCP at http://127.0.0.1:${DEFAULT_PORT}/mcp
  mcp-ai-toolkit --mode stdio                              for clients that start servers themselves
  mcp-ai-toolkit --trainer rehearsal --data /tmp/try       try everything without a GPU
  mcp-ai-toolkit --host 0.0.0.0 --token-file ~/.mcp-token  on the LAN`,
  );
}

interface Flags extends ServeFlags, LinkFlags, LogFlags {
  mode?: string;
  data?: string;
  state?: string;
  trainer?: string;
  toolkit?: string;
  python?: string;
  datasetRoot?: string[];
  exportRoot?: string[];
  backendUrl?: string;
  backendToken?: string;
  stopGrace?: string;
}

const STOP_GRACE_MAX_SECONDS = 3_600;

function stopGraceOf(value: string | undefined): number | undefined {
  return value === undefined
    ? undefined
    : numberOf("--stop-grace", value, "seconds", 0, STOP_GRACE_MAX_SECONDS);
}

/** As a shell takes it: a path from here, or a program on PATH. The trainer runs in another folder. */
function pythonOf(given: string | undefined, env: Environment): string | undefined {
  if (given === undefined) return undefined;
  if (given.includes("/")) return resolve(given);
  return (
    paths(env["PATH"])
      .map((folder) => join(folder, given))
      .find((path) => existsSync(path)) ?? resolve(given)
  );
}

/** @throws UsageError */
export function parseOptions(argv: readonly string[], env: Environment): Options {
  const flags = parseFlags<Flags>(buildCommand(), argv);
  const named = flags.mode ?? env["MCP_AI_TOOLKIT_MODE"] ?? "standalone";
  // The old server's container started it with `--mode http`, which it did not know.
  const mode = oneOf("--mode", named === "http" ? "standalone" : named, MODES);
  const serve = serveOptions(flags, env, DEFAULT_PORT);
  const { host, token, oauth, insecure } = serve;
  const data = resolve(flags.data ?? env["AI_TOOLKIT_PATH"] ?? DEFAULT_DATA);
  const state = flags.state ?? env["MCP_AI_TOOLKIT_STATE"];
  const isGuarded = token !== undefined || oauth !== undefined || existsSync(pathsOf({ data, state }).tokens);
  if (mode !== "stdio" && !isLoopback(host) && !isGuarded && !insecure) {
    throw new UsageError(
      `Listening on ${host} needs a token, or anybody who reaches this machine could start and delete things.\n` +
        "Make one and keep it:  openssl rand -hex 32 > ~/.mcp-ai-toolkit-token\n" +
        `Then start with:       --host ${host} --token-file ~/.mcp-ai-toolkit-token\n` +
        `Or one for each client: ${CALLED} token create --agent-data ${shellWord(data)} --scope train --label laptop`,
    );
  }
  const backendUrl = flags.backendUrl ?? env["MCP_AI_TOOLKIT_BACKEND_URL"];
  if (mode === "client" && backendUrl === undefined) {
    throw new UsageError("--mode client needs --backend-url, e.g. --backend-url http://127.0.0.1:8013");
  }
  if (backendUrl !== undefined && !/^https?:\/\//.test(backendUrl)) {
    throw new UsageError(`--backend-url must begin with http:// or https://, not "${backendUrl}"`);
  }
  const toolkit = flags.toolkit ?? env["MCP_AI_TOOLKIT_TOOLKIT"];
  return {
    ...serve,
    mode,
    backendUrl,
    backendToken: flags.backendToken ?? env["MCP_AI_TOOLKIT_BACKEND_TOKEN"],
    data,
    state,
    toolkitFolders: toolkit ? [resolve(toolkit)] : [data, join(data, "ai-toolkit")],
    python: pythonOf(flags.python ?? env["MCP_AI_TOOLKIT_PYTHON"], env),
    trainer: oneOf("--trainer", flags.trainer ?? env["MCP_AI_TOOLKIT_TRAINER"] ?? "auto", [
      "auto",
      "ai-toolkit",
      "rehearsal",
    ]),
    datasetRoots: flags.datasetRoot ?? paths(env["MCP_AI_TOOLKIT_DATASET_ROOTS"]),
    exportRoots: exportRoots(flags.exportRoot ?? paths(env["MCP_AI_TOOLKIT_EXPORT_ROOTS"])),
    stopGraceSeconds: stopGraceOf(flags.stopGrace ?? env["MCP_AI_TOOLKIT_STOP_GRACE"]),
    logs: logLimits(flags, env),
    link: linkOptions(flags, env, insecure),
  };
}
