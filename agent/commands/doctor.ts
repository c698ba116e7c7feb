// mcp-ai-toolkit doctor
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { TokenStore } from "../../router/auth/tokens.ts";
import { openSql } from "../../router/node-sql.ts";
import { lookAt, outsideParts, type Part, parts } from "../doctor/examine.ts";
import type { Finding } from "../doctor/finding.ts";
import type { TokenFacts } from "../doctor/network-checks.ts";
import { findingLines, summaryLine } from "../doctor/report.ts";
import { whatToLookAt } from "../doctor/what-to-look-at.ts";
import { chooseAccount } from "../install/account.ts";
import { isRoot } from "../install/as-user.ts";
import { localUrl } from "../install/health.ts";
import { type InstalledService, installedService } from "../install/installed.ts";
import { LAYOUT } from "../install/layout.ts";
import { type Options, parseOptions } from "../options.ts";
import { pathsOf } from "../paths.ts";
import { UsageError } from "../usage-error.ts";
import type { Environment } from "./admin-flags.ts";

interface Flags {
  readonly data?: string;
  readonly state?: string;
  readonly toolkit?: string;
  readonly python?: string;
  readonly trainer?: string;
  readonly host?: string;
  readonly port?: string;
  readonly json?: boolean;
  readonly offline?: boolean;
  /** Set by ourselves: we are the service's account, with its settings as environment. */
  readonly service?: boolean;
}

const VARIABLES = {
  data: "AI_TOOLKIT_PATH",
  state: "MCP_AI_TOOLKIT_STATE",
  toolkit: "MCP_AI_TOOLKIT_TOOLKIT",
  python: "MCP_AI_TOOLKIT_PYTHON",
  trainer: "MCP_AI_TOOLKIT_TRAINER",
  host: "MCP_AI_TOOLKIT_HOST",
  port: "MCP_AI_TOOLKIT_PORT",
} as const;

export function doctorCommand(env: Environment): Command {
  return new Command("doctor")
    .description("What keeps this machine from training, and the command that mends it")
    .option(
      "--data <folder>",
      "the data folder (env: AI_TOOLKIT_PATH) [default: the service's, or /ai-toolkit]",
    )
    .option("--state <folder>", "jobs and logs [default: <data>/.mcp-ai-toolkit]")
    .option("--toolkit <folder>", "where ai-toolkit's run.py is")
    .option("--python <file>", "Python that runs ai-toolkit")
    .option("--trainer <trainer>", "auto, ai-toolkit, or rehearsal")
    .option("--host <address>", "where the server listens")
    .option("-p, --port <number>", "its port")
    .option("--offline", "ask neither Hugging Face nor the router")
    .option("--json", "as JSON")
    .addOption(new Option("--service").hideHelp())
    .addHelpText(
      "after",
      `
Exit code: 0 when a training could start, 1 when something is missing.

Examples:
  sudo mcp-ai-toolkit doctor                       the installed service, as the account that it runs as
  mcp-ai-toolkit doctor --data /ai-toolkit
  mcp-ai-toolkit doctor --data /tmp/try --trainer rehearsal --json`,
    )
    .action(async (flags: Flags) => {
      const service = flags.service ? undefined : installedService();
      const what = whatToLookAt(service, flags.data);
      const isOurs = service && what === "service";
      process.exitCode =
        isOurs && isRoot()
          ? await asService(service, flags)
          : await (what === "outside"
              ? report(outsideParts(env), flags)
              : doctor(flags, isOurs ? { ...env, ...service.settings } : env));
    });
}

/** What root may write says nothing: the service's account looks, with its environment and the installed program. */
async function asService({ user, settings = {} }: InstalledService, flags: Flags): Promise<number> {
  const { owner, home } = await chooseAccount(user, "/");
  if (!owner) throw new UsageError(`The service's account ${user} is gone; run: sudo mcp-ai-toolkit install`);
  const given = [flags.offline && "--offline", flags.json && "--json"].filter(
    (flag) => typeof flag === "string",
  );
  const args = [
    join(LAYOUT.current, "dist/bin.js"),
    "doctor",
    "--service",
    "--data",
    settings["AI_TOOLKIT_PATH"] ?? "",
    ...given,
  ];
  const { PATH, TERM, NO_COLOR } = process.env;
  const env = {
    ...settings,
    ...withFlags(flags),
    PATH,
    TERM,
    NO_COLOR,
    HOME: home,
    USER: user,
    LOGNAME: user,
  };
  const options = { cwd: "/", env, stdio: "inherit", uid: owner.uid, gid: owner.gid } as const;
  const child = spawn(join(LAYOUT.current, "bin/node"), args, options);
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

const withFlags = (flags: Flags) =>
  Object.fromEntries(
    Object.entries(VARIABLES).flatMap(([flag, variable]) => {
      const value = flags[flag as keyof typeof VARIABLES];
      return value === undefined ? [] : [[variable, value]];
    }),
  );

async function doctor(flags: Flags, env: Environment): Promise<number> {
  const environment = { ...env, ...withFlags(flags) };
  // Whether it would let anybody in without a token is looked at, not refused.
  const options = parseOptions([], { ...environment, MCP_AI_TOOLKIT_INSECURE: "1" });
  const examination = {
    options,
    environment,
    url: localUrl({ MCP_AI_TOOLKIT_HOST: options.host, MCP_AI_TOOLKIT_PORT: String(options.port) }),
    offline: flags.offline ?? false,
    insecure: environment["MCP_AI_TOOLKIT_INSECURE"] === "1",
    service: flags.service ?? false,
    tokens: async () => tokensOf(options),
  };
  return await report(parts(examination), flags);
}

/** @returns the exit code */
async function report(looks: readonly Part[], { json }: Flags): Promise<number> {
  const findings: Finding[] = [];
  const waiting = progress();
  for (const part of looks) {
    waiting.show(part.doing);
    const found = await lookAt(part);
    waiting.clear();
    findings.push(...found);
    if (!json) for (const each of found) print(each);
  }
  const isWell = findings.every(({ status }) => status !== "error");
  console.log(json ? JSON.stringify({ ok: isWell, findings }, null, 2) : `\n${summaryLine(findings)}`);
  return isWell ? 0 : 1;
}

function print(finding: Finding): void {
  const colours = process.stdout.isTTY && !process.env["NO_COLOR"];
  for (const line of findingLines(finding, colours)) console.log(line);
}

function tokensOf(options: Options): readonly TokenFacts[] {
  const { tokens } = pathsOf(options);
  if (!existsSync(tokens)) return [];
  const sql = openSql(tokens);
  try {
    return new TokenStore(sql).list("client");
  } finally {
    sql.close();
  }
}

/** Importing torch takes seconds, on a cold disk minutes: a person sees what is waited for. */
function progress() {
  const { stderr } = process;
  return {
    show: (doing: string) => void (stderr.isTTY && stderr.write(`… ${doing}`)),
    clear: () => void (stderr.isTTY && stderr.write("\r\u001b[K")),
  };
}
