// mcp-ai-toolkit connect CLIENT
import { Argument, Command } from "commander";
import { CLIENTS, type Client, type Instructions, instructionsFor, takesToken } from "../connect/clients.ts";
import { settingsText } from "../connect/edit.ts";
import { personOf } from "../connect/person.ts";
import { asksForToken, isPublic, isThisMachine, lanAddress } from "../connect/reach.ts";
import { checkWritable, writeSettings } from "../connect/write.ts";
import { localUrl } from "../install/health.ts";
import { installedService } from "../install/installed.ts";
import type { Settings } from "../install/settings.ts";
import { isLoopback } from "../loopback.ts";
import { UsageError } from "../usage-error.ts";
import { type AdminFlags, adminOf, type Environment, withAdminFlags } from "./admin-flags.ts";
import type { RouterAdmin } from "./administration.ts";
import { durationMs } from "./duration.ts";
import { machineAdmin } from "./machine-admin.ts";
import { scopesOf } from "./token.ts";

interface Flags extends AdminFlags {
  readonly url?: string;
  readonly name: string;
  readonly machine?: string;
  readonly scope: string;
  readonly expires: string;
  /** false: --no-token. */
  readonly token: boolean;
  readonly agentData?: string;
  readonly write?: boolean;
  readonly file?: string;
}

export function connectCommand(env: Environment): Command {
  return withAdminFlags(new Command("connect"))
    .description("How a client reaches this server: its exact configuration, with a token made for it")
    .addArgument(new Argument("<client>", "the client").choices(CLIENTS))
    .option("--url <url>", "the server [default: --router, else the one on this machine]")
    .option("--name <name>", "what the client calls it", "aitoolkit")
    .option("--machine <name>", "reach this machine only, of several behind a router")
    .option("--scope <scopes>", "what the token may: read, train, admin", "train")
    .option("--expires <time>", "how long: 90d, 12h, never", "90d")
    .option("--no-token", "make none: it needs none, or you add one yourself")
    .option("--agent-data <folder>", "make the token on this machine, which has no router: its data folder")
    .option("--write", "merge it into the client's own file; the old one is kept beside it")
    .option("--file <file>", "with --write: into this file")
    .addHelpText(
      "after",
      `
Examples:
  mcp-ai-toolkit connect claude-code
  mcp-ai-toolkit connect cursor --write --url http://192.168.0.222:8012 --agent-data /ai-toolkit
  mcp-ai-toolkit connect codex --router https://train.example.org --admin-token-file ~/.mcp-router-token
  mcp-ai-toolkit connect chatgpt --url https://train.example.org`,
    )
    .action(async (client: Client, flags: Flags) => connect(client, flags, env));
}

const NAME = /^[A-Za-z][\w-]{0,63}$/;

async function connect(client: Client, flags: Flags, env: Environment): Promise<void> {
  if (!NAME.test(flags.name)) {
    throw new UsageError("--name takes letters, digits, _ and -, beginning with a letter");
  }
  const url = serverUrl(flags, env);
  const { home, as } = await personOf(env);
  const place = { home, platform: process.platform, appData: env["APPDATA"] };
  const instructions = (token: string | undefined) =>
    instructionsFor(client, { name: flags.name, url, token }, place);
  const path = await as(() => fileToWrite(client, flags, instructions("a token")));
  const token = await tokenFor(client, url, flags, env);
  const { say, command, file, afterwards = [] } = instructions(token);
  if (path !== undefined && file) {
    const { changed, backup } = await as(() => writeSettings(path, file.settings));
    console.log(changed ? `Written: ${path}` : `${path} says so already.`);
    if (backup !== undefined) console.log(`As it was: ${backup}`);
    for (const line of afterwards) console.log(line);
    return;
  }
  const shown = command ?? (file && `${file.path}\n\n${settingsText(file.settings).trimEnd()}`);
  const blocks = [say.join("\n"), shown, afterwards.join("\n")].filter((block) => block);
  console.log(blocks.join("\n\n"));
  if (token !== undefined) {
    console.error(`\nThe token in it is shown only now. It may ${flags.scope}, and ends: ${flags.expires}.`);
  }
}

/** No token is made for a file that cannot take it. @returns undefined without --write @throws UsageError */
async function fileToWrite(
  client: Client,
  { write, file: given }: Flags,
  { file }: Instructions,
): Promise<string | undefined> {
  if (!write && given !== undefined) throw new UsageError("--file goes with --write");
  if (!write) return undefined;
  if (!file)
    throw new UsageError(`${client} has no file to write into; without --write this says what to do`);
  const path = given ?? file.path;
  await checkWritable(path, file.settings);
  return path;
}

/** Readable for root only when installed; for others the defaults are as good a guess. */
const installedSettings = (): Settings => installedService()?.settings ?? {};

function serverUrl({ url: given, router, machine }: Flags, env: Environment): URL {
  const text = given ?? router ?? env["MCP_AI_TOOLKIT_ROUTER_URL"] ?? ownUrl();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`"${text}" is no address of a server; e.g. https://train.example.org`);
  if (machine !== undefined) url.pathname = `/m/${encodeURIComponent(machine)}/mcp`;
  else if (url.pathname === "/") url.pathname = "/mcp";
  return url;
}

function ownUrl(): string {
  const settings = installedSettings();
  const host = settings["MCP_AI_TOOLKIT_HOST"] ?? "127.0.0.1";
  const url = new URL(localUrl(settings));
  const lan = lanAddress();
  if (!isLoopback(host) && isThisMachine(url) && lan !== undefined) url.hostname = lan;
  return url.href;
}

/** undefined: none is needed, or none was wanted. @throws UsageError when nobody says where to make one */
async function tokenFor(
  client: Client,
  url: URL,
  flags: Flags,
  env: Environment,
): Promise<string | undefined> {
  if (!flags.token || !takesToken(client)) return undefined;
  // Mistakes first: opening the store may make it.
  const wanted = { scopes: scopesOf(flags.scope), livesMs: durationMs("--expires", flags.expires) };
  const admin = await adminFor(client, url, flags, env);
  if (!admin) return undefined;
  try {
    const made = await admin.create({ label: client, ...wanted });
    return made.secret;
  } finally {
    admin.close();
  }
}

async function adminFor(
  client: Client,
  url: URL,
  flags: Flags,
  env: Environment,
): Promise<RouterAdmin | undefined> {
  const atRouter = flags.router ?? flags.data ?? env["MCP_AI_TOOLKIT_ROUTER_URL"];
  if (flags.agentData !== undefined) return machineAdmin(flags.agentData, env);
  if (atRouter !== undefined) return adminOf(flags, env);
  const isHere = isThisMachine(url);
  if (isHere && !(await asksForToken(url))) return undefined;
  const settings = installedSettings();
  const data = settings["AI_TOOLKIT_PATH"];
  const isService = isHere ? url.port === new URL(localUrl(settings)).port : !isPublic(url);
  if (data !== undefined && isService) return machineAdmin(data, { ...env, ...settings });
  throw new UsageError(
    `A token has to be made for ${url.host}. Where?\n` +
      `  the service on this machine  sudo mcp-ai-toolkit connect ${client}\n` +
      "  a machine without a router   --agent-data /ai-toolkit, on that machine\n" +
      `  a router elsewhere           --router ${url.origin} --admin-token-file FILE\n` +
      "  a router on this machine     --data FOLDER\n" +
      "  none                         --no-token",
  );
}
