// Flags and environment → Options. Every flag has an environment variable; the flag wins.
import { existsSync, readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { SERVER_VERSION } from "../shared/server-info.ts";
import type { TrainerChoice } from "./trainer/trainer.ts";

export const MODES = ["standalone", "stdio", "server", "client"] as const;
export type Mode = (typeof MODES)[number];
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Options {
  readonly mode: Mode;
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
  readonly allowHosts: readonly string[];
  readonly allowOrigins: readonly string[];
  readonly backendUrl: string | undefined;
  readonly backendToken: string | undefined;
  readonly logLevel: LogLevel;
  readonly data: string;
  readonly state: string | undefined;
  readonly toolkitFolders: readonly [string, ...string[]];
  readonly python: string | undefined;
  readonly trainer: TrainerChoice;
  readonly datasetRoots: readonly string[];
  /** How long a trainer may take to end after it was asked to; undefined for the usual time. */
  readonly stopGraceSeconds: number | undefined;
  /** Serve another address than loopback without a token. */
  readonly insecure: boolean;
}

/** A sentence for the person at the terminal; the process ends with `exitCode`. */
export class UsageError extends Error {
  readonly exitCode: number;
  /** Already printed (help, version, commander's own messages). */
  readonly printed: boolean;
  constructor(message: string, exitCode = 2, printed = false) {
    super(message);
    this.exitCode = exitCode;
    this.printed = printed;
  }
}

export const DEFAULT_PORT = 8012;
export const DEFAULT_DATA = "/ai-toolkit";
const TOKEN_MIN_CHARS = 16;

type Environment = Readonly<Record<string, string | undefined>>;

const list = (value: string, before: readonly string[] = []) => [...before, value];
const paths = (value: string | undefined) => (value ?? "").split(delimiter).filter((path) => path !== "");
const words = (value: string | undefined) =>
  (value ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");

export function buildCommand(): Command {
  const env = (flags: string, variable: string, text: string) =>
    new Option(flags, `${text} (env: ${variable})`);
  return new Command("mcp-ai-toolkit")
    .description(
      "Train LoRAs with ostris/ai-toolkit on this machine, from any LLM client. Speaks MCP and REST.",
    )
    .version(`mcp-ai-toolkit ${SERVER_VERSION}`, "-V, --version")
    .helpOption("-h, --help")
    .addOption(
      env(
        "-m, --mode <mode>",
        "MCP_AI_TOOLKIT_MODE",
        "standalone: MCP and REST over HTTP · stdio: MCP over stdin/stdout · server: REST only · client: MCP here, tools at --backend-url [default: standalone]",
      ),
    )
    .addOption(
      env("-p, --port <number>", "MCP_AI_TOOLKIT_PORT", `port to listen on [default: ${DEFAULT_PORT}]`),
    )
    .addOption(
      env(
        "--host <address>",
        "MCP_AI_TOOLKIT_HOST",
        "address to listen on; any but loopback needs a token [default: 127.0.0.1]",
      ),
    )
    .addOption(
      env(
        "--data <folder>",
        "AI_TOOLKIT_PATH",
        `configs, datasets, output, and ai-toolkit itself [default: ${DEFAULT_DATA}]`,
      ),
    )
    .addOption(
      env(
        "--state <folder>",
        "MCP_AI_TOOLKIT_STATE",
        "jobs, logs and trash [default: <data>/.mcp-ai-toolkit]",
      ),
    )
    .addOption(
      env(
        "--trainer <trainer>",
        "MCP_AI_TOOLKIT_TRAINER",
        "auto, ai-toolkit, or rehearsal: plays a training without a GPU [default: auto]",
      ),
    )
    .addOption(
      env(
        "--toolkit <folder>",
        "MCP_AI_TOOLKIT_TOOLKIT",
        "where ai-toolkit's run.py is [default: <data>, then <data>/ai-toolkit]",
      ),
    )
    .addOption(
      env(
        "--python <file>",
        "MCP_AI_TOOLKIT_PYTHON",
        "Python that runs ai-toolkit [default: the toolkit's venv, then python3]",
      ),
    )
    .addOption(
      env(
        "--dataset-root <folder>",
        "MCP_AI_TOOLKIT_DATASET_ROOTS",
        "a further folder that dataset_path may point into; may be given again",
      ).argParser(list),
    )
    .addOption(
      env(
        "--stop-grace <seconds>",
        "MCP_AI_TOOLKIT_STOP_GRACE",
        "how long a trainer may take to end once it was asked to, before it is made to [default: 30]",
      ),
    )
    .addOption(
      env("--token <token>", "MCP_AI_TOOLKIT_TOKEN", "clients must send Authorization: Bearer <token>"),
    )
    .addOption(
      env(
        "--token-file <file>",
        "MCP_AI_TOOLKIT_TOKEN_FILE",
        "the same, read from a file (not visible in ps)",
      ),
    )
    .addOption(
      env(
        "--allow-host <name>",
        "MCP_AI_TOOLKIT_ALLOW_HOSTS",
        "a further host name under which clients reach us; may be given again",
      ).argParser(list),
    )
    .addOption(
      env(
        "--allow-origin <origin>",
        "MCP_AI_TOOLKIT_ALLOW_ORIGINS",
        "a web page's origin that may call; may be given again",
      ).argParser(list),
    )
    .addOption(env("--insecure", "MCP_AI_TOOLKIT_INSECURE", "listen on any address without a token"))
    .addOption(
      env("--backend-url <url>", "MCP_AI_TOOLKIT_BACKEND_URL", "client mode: the server that has the tools"),
    )
    .addOption(
      env("--backend-token <token>", "MCP_AI_TOOLKIT_BACKEND_TOKEN", "client mode: that server's token"),
    )
    .addOption(
      env(
        "--log-level <level>",
        "RUST_LOG, MCP_AI_TOOLKIT_LOG_LEVEL",
        `${LOG_LEVELS.join(", ")} [default: info]`,
      ),
    )
    .addHelpText(
      "after",
      `
Commands (each has a --help of its own):
  mcp-ai-toolkit token create | list | revoke              tokens by which clients call a router
  mcp-ai-toolkit router pair                               a one-time code for a GPU machine
  mcp-ai-toolkit join <router> --code XXXX-XXXX            give this GPU machine to a router

Examples:
  mcp-ai-toolkit --data /ai-toolkit                        MCP at http://127.0.0.1:${DEFAULT_PORT}/mcp
  mcp-ai-toolkit --mode stdio                              for clients that start servers themselves
  mcp-ai-toolkit --trainer rehearsal --data /tmp/try       try everything without a GPU
  mcp-ai-toolkit --host 0.0.0.0 --token-file ~/.mcp-token  on the LAN`,
    )
    .exitOverride();
}

interface Flags {
  mode?: string;
  port?: string;
  host?: string;
  data?: string;
  state?: string;
  trainer?: string;
  toolkit?: string;
  python?: string;
  datasetRoot?: string[];
  token?: string;
  tokenFile?: string;
  allowHost?: string[];
  allowOrigin?: string[];
  insecure?: boolean;
  backendUrl?: string;
  backendToken?: string;
  logLevel?: string;
  stopGrace?: string;
}

function parseFlags(argv: readonly string[]): Flags {
  const command = buildCommand().allowExcessArguments(false);
  try {
    command.parse([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError)
      throw new UsageError(error.message, error.exitCode === 0 ? 0 : 2, true);
    throw error;
  }
  return command.opts<Flags>();
}

function oneOf<const T extends readonly string[]>(flag: string, value: string, options: T): T[number] {
  if (!options.includes(value))
    throw new UsageError(`${flag} must be one of ${options.join(", ")}, not "${value}"`);
  return value;
}

function portOf(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port > 65_535)
    throw new UsageError(`--port must be a number from 0 to 65535, not "${value}"`);
  return port;
}

const STOP_GRACE_MAX_SECONDS = 3_600;

function stopGraceOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || seconds > STOP_GRACE_MAX_SECONDS) {
    throw new UsageError(
      `--stop-grace must be a number of seconds from 0 to ${STOP_GRACE_MAX_SECONDS}, not "${value}"`,
    );
  }
  return seconds;
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`--token-file cannot be read: ${(error as Error).message}`);
  }
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

function tokenOf(flags: Flags, env: Environment): string | undefined {
  const [file, envFile] = [flags.tokenFile, env["MCP_AI_TOOLKIT_TOKEN_FILE"]];
  const token =
    flags.token ??
    (file !== undefined ? readToken(file) : undefined) ??
    env["MCP_AI_TOOLKIT_TOKEN"] ??
    (envFile !== undefined ? readToken(envFile) : undefined);
  if (token === undefined) return undefined;
  if (token.length < TOKEN_MIN_CHARS || /\s/.test(token)) {
    throw new UsageError(
      `The token must have at least ${TOKEN_MIN_CHARS} characters and no blanks; make one with: openssl rand -hex 32`,
    );
  }
  return token;
}

const LOOPBACK = new Set(["localhost", "::1"]);

export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Names under which this machine may honestly be called when it listens on `host`. */
function ownHosts(host: string): string[] {
  if (isLoopback(host)) return [host];
  const bracket = (address: string) => (address.includes(":") ? `[${address}]` : address);
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return [
    bracket(host),
    hostname(),
    `${hostname()}.local`,
    ...addresses.map(({ address }) => bracket(address)),
  ];
}

/** RUST_LOG may hold filters (`info,hyper=warn`); only a bare first level means something here. */
function levelOf(flags: Flags, env: Environment): LogLevel {
  const rust = words(env["RUST_LOG"])[0]?.toLowerCase();
  if (rust && (LOG_LEVELS as readonly string[]).includes(rust)) return rust as LogLevel;
  const named = flags.logLevel ?? env["MCP_AI_TOOLKIT_LOG_LEVEL"] ?? "info";
  return oneOf("--log-level", named.toLowerCase(), LOG_LEVELS);
}

/** @throws UsageError */
export function parseOptions(argv: readonly string[], env: Environment): Options {
  const flags = parseFlags(argv);
  const named = flags.mode ?? env["MCP_AI_TOOLKIT_MODE"] ?? "standalone";
  // The old server's container started it with `--mode http`, which it did not know.
  const mode = oneOf("--mode", named === "http" ? "standalone" : named, MODES);
  // In URLs an IPv6 address stands in brackets; sockets take it without.
  const host = (flags.host ?? env["MCP_AI_TOOLKIT_HOST"] ?? "127.0.0.1").replace(/^\[(.*)\]$/, "$1");
  const token = tokenOf(flags, env);
  const insecure = flags.insecure ?? env["MCP_AI_TOOLKIT_INSECURE"] === "1";
  if (mode !== "stdio" && !isLoopback(host) && token === undefined && !insecure) {
    throw new UsageError(
      `Listening on ${host} needs a token, or anybody who reaches this machine could start and delete things.\n` +
        "Make one and keep it:  openssl rand -hex 32 > ~/.mcp-ai-toolkit-token\n" +
        `Then start with:       --host ${host} --token-file ~/.mcp-ai-toolkit-token`,
    );
  }
  const backendUrl = flags.backendUrl ?? env["MCP_AI_TOOLKIT_BACKEND_URL"];
  if (mode === "client" && backendUrl === undefined) {
    throw new UsageError("--mode client needs --backend-url, e.g. --backend-url http://127.0.0.1:8013");
  }
  if (backendUrl !== undefined && !/^https?:\/\//.test(backendUrl)) {
    throw new UsageError(`--backend-url must begin with http:// or https://, not "${backendUrl}"`);
  }
  const data = resolve(flags.data ?? env["AI_TOOLKIT_PATH"] ?? DEFAULT_DATA);
  const toolkit = flags.toolkit ?? env["MCP_AI_TOOLKIT_TOOLKIT"];
  return {
    mode,
    port: portOf(flags.port ?? env["MCP_AI_TOOLKIT_PORT"] ?? String(DEFAULT_PORT)),
    host,
    token,
    allowHosts: [...ownHosts(host), ...(flags.allowHost ?? words(env["MCP_AI_TOOLKIT_ALLOW_HOSTS"]))],
    allowOrigins: flags.allowOrigin ?? words(env["MCP_AI_TOOLKIT_ALLOW_ORIGINS"]),
    backendUrl,
    backendToken: flags.backendToken ?? env["MCP_AI_TOOLKIT_BACKEND_TOKEN"],
    logLevel: levelOf(flags, env),
    data,
    state: flags.state ?? env["MCP_AI_TOOLKIT_STATE"],
    toolkitFolders: toolkit ? [resolve(toolkit)] : [data, join(data, "ai-toolkit")],
    python: pythonOf(flags.python ?? env["MCP_AI_TOOLKIT_PYTHON"], env),
    trainer: oneOf("--trainer", flags.trainer ?? env["MCP_AI_TOOLKIT_TRAINER"] ?? "auto", [
      "auto",
      "ai-toolkit",
      "rehearsal",
    ]),
    datasetRoots: flags.datasetRoot ?? paths(env["MCP_AI_TOOLKIT_DATASET_ROOTS"]),
    stopGraceSeconds: stopGraceOf(flags.stopGrace ?? env["MCP_AI_TOOLKIT_STOP_GRACE"]),
    insecure,
  };
}
