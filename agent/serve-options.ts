// The options of everything that listens: where, for whom, and how loud.
import { hostname, networkInterfaces } from "node:os";
import type { Command } from "commander";
import { isLoopback } from "./loopback.ts";
import { type IssuerOptions, type OAuthFlags, oauthOptions, withOAuthFlags } from "./oauth-options.ts";
import { type Environment, envOption, list, oneOf, secretOf, words } from "./option-values.ts";
import { UsageError } from "./usage-error.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface ServeOptions {
  readonly oauth: IssuerOptions | undefined;
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
  readonly allowHosts: readonly string[];
  readonly allowOrigins: readonly string[];
  /** Where clients reach us, in front of the links we give out; undefined: where each request came to. */
  readonly publicUrl: string | undefined;
  readonly logLevel: LogLevel;
  /** Serve without a token where one is needed. */
  readonly insecure: boolean;
}

export interface ServeFlags extends OAuthFlags {
  port?: string;
  host?: string;
  token?: string;
  tokenFile?: string;
  allowHost?: string[];
  allowOrigin?: string[];
  publicUrl?: string;
  insecure?: boolean;
  logLevel?: string;
}

export function withServeFlags(command: Command, defaultPort: number): Command {
  return withOAuthFlags(withListenFlags(command, defaultPort));
}

function withListenFlags(command: Command, defaultPort: number): Command {
  return command
    .addOption(
      envOption("-p, --port <number>", "MCP_AI_TOOLKIT_PORT", `port to listen on [default: ${defaultPort}]`),
    )
    .addOption(
      envOption(
        "--host <address>",
        "MCP_AI_TOOLKIT_HOST",
        "address to listen on; any but loopback needs a token [default: 127.0.0.1]",
      ),
    )
    .addOption(
      envOption("--token <token>", "MCP_AI_TOOLKIT_TOKEN", "clients must send Authorization: Bearer <token>"),
    )
    .addOption(
      envOption(
        "--token-file <file>",
        "MCP_AI_TOOLKIT_TOKEN_FILE",
        "the same, read from a file (not visible in ps)",
      ),
    )
    .addOption(
      envOption(
        "--allow-host <name>",
        "MCP_AI_TOOLKIT_ALLOW_HOSTS",
        "a further host name under which clients reach us; may be given again",
      ).argParser(list),
    )
    .addOption(
      envOption(
        "--allow-origin <origin>",
        "MCP_AI_TOOLKIT_ALLOW_ORIGINS",
        "a web page's origin that may call; may be given again",
      ).argParser(list),
    )
    .addOption(
      envOption(
        "--public-url <url>",
        "MCP_AI_TOOLKIT_PUBLIC_URL",
        "the address of links to files, e.g. https://train.example.org [default: as the client called us]",
      ),
    )
    .addOption(envOption("--insecure", "MCP_AI_TOOLKIT_INSECURE", "let everybody in without a token"))
    .addOption(
      envOption(
        "--log-level <level>",
        "RUST_LOG, MCP_AI_TOOLKIT_LOG_LEVEL",
        `${LOG_LEVELS.join(", ")} [default: info]`,
      ),
    );
}

function portOf(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port > 65_535)
    throw new UsageError(`--port must be a number from 0 to 65535, not "${value}"`);
  return port;
}

/** Names under which this machine may honestly be called when it listens on `host`. */
function ownHosts(host: string): string[] {
  if (isLoopback(host)) return [host];
  const bracket = (address: string) => (address.includes(":") ? `[${address}]` : address);
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return [
    bracket(host),
    hostname(),
    `${hostname()}.local`,
    ...addresses.map(({ address }) => bracket(address)),
  ];
}

/** A host named here is one that clients may call. */
function publicUrlOf(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const isPlain =
    url && /^https?:$/.test(url.protocol) && url.username === "" && url.search + url.hash === "";
  if (isPlain) return url;
  throw new UsageError(`--public-url must be an address like https://train.example.org, not "${text}"`);
}

/** RUST_LOG may hold filters (`info,hyper=warn`); only a bare first level means something here. */
function levelOf(flags: ServeFlags, env: Environment): LogLevel {
  const rust = words(env["RUST_LOG"])[0]?.toLowerCase();
  if (rust && (LOG_LEVELS as readonly string[]).includes(rust)) return rust as LogLevel;
  const named = flags.logLevel ?? env["MCP_AI_TOOLKIT_LOG_LEVEL"] ?? "info";
  return oneOf("--log-level", named.toLowerCase(), LOG_LEVELS);
}

/** @throws UsageError */
export function serveOptions(flags: ServeFlags, env: Environment, defaultPort: number): ServeOptions {
  // In URLs an IPv6 address stands in brackets; sockets take it without.
  const host = (flags.host ?? env["MCP_AI_TOOLKIT_HOST"] ?? "127.0.0.1").replace(/^\[(.*)\]$/, "$1");
  const { token: value, tokenFile: file } = flags;
  const insecure = flags.insecure ?? env["MCP_AI_TOOLKIT_INSECURE"] === "1";
  const publicUrl = publicUrlOf(flags.publicUrl ?? env["MCP_AI_TOOLKIT_PUBLIC_URL"]);
  return {
    oauth: oauthOptions(flags, env, insecure),
    port: portOf(flags.port ?? env["MCP_AI_TOOLKIT_PORT"] ?? String(defaultPort)),
    host,
    token: secretOf({ flag: "--token-file", value, file, variable: "MCP_AI_TOOLKIT_TOKEN" }, env),
    allowHosts: [
      ...ownHosts(host),
      ...(publicUrl ? [publicUrl.hostname] : []),
      ...(flags.allowHost ?? words(env["MCP_AI_TOOLKIT_ALLOW_HOSTS"])),
    ],
    publicUrl: publicUrl?.href.replace(/\/+$/, ""),
    allowOrigins: flags.allowOrigin ?? words(env["MCP_AI_TOOLKIT_ALLOW_ORIGINS"]),
    logLevel: levelOf(flags, env),
    insecure,
  };
}
