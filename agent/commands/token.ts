// mcp-ai-toolkit token create, list, revoke
import { Command } from "commander";
import type { Token } from "../../router/auth/tokens.ts";
import { SCOPES, type Scope } from "../../shared/contract.ts";
import { shellWord } from "../../shared/file-links.ts";
import { CALLED } from "../called.ts";
import { UsageError } from "../usage-error.ts";
import { type AdminFlags, adminOf, type Environment, withAdminFlags } from "./admin-flags.ts";
import { durationMs } from "./duration.ts";
import { machineAdmin } from "./machine-admin.ts";
import { table } from "./table.ts";

export function scopesOf(text: string): Scope[] {
  const words = text.split(",").map((word) => word.trim());
  const known = SCOPES.filter((scope) => words.includes(scope));
  if (known.length === words.length) return known;
  throw new UsageError(`--scope takes ${SCOPES.join(", ")}, or several joined by commas; not "${text}"`);
}

interface TokenFlags extends AdminFlags {
  readonly agentData?: string;
}

function withTokenFlags(command: Command): Command {
  return withAdminFlags(command).option(
    "--agent-data <folder>",
    "tokens of a machine with clients of its own, without a router: its data folder",
  );
}

const storeOf = (flags: TokenFlags, env: Environment) =>
  flags.agentData === undefined ? adminOf(flags, env) : machineAdmin(flags.agentData, env);

interface CreateFlags extends TokenFlags {
  readonly scope: string;
  readonly label: string;
  readonly expires: string;
}

function stateOf({ revoked_at, expires_at }: Token, now: Date): string {
  if (revoked_at !== null) return "revoked";
  return expires_at !== null && Date.parse(expires_at) <= now.getTime() ? "expired" : "live";
}

const day = (time: string | null) => time?.slice(0, 10) ?? "never";

export function tokenCommand(env: Environment): Command {
  const token = new Command("token")
    .description("Tokens by which clients call a router, or this machine")
    .addHelpText(
      "after",
      `
Examples:
  mcp-ai-toolkit token create --scope train --label laptop
  mcp-ai-toolkit token list --agent-data /ai-toolkit
  mcp-ai-toolkit token revoke 3f2a90c41b77`,
    );
  withTokenFlags(token.command("create"))
    .description("Make a token. It alone goes to stdout and is never shown again")
    .addHelpText(
      "after",
      `
Examples:
  mcp-ai-toolkit token create --scope admin --label me > ~/.mcp-router-token
  mcp-ai-toolkit token create --scope read --label phone --expires 30d --agent-data /ai-toolkit`,
    )
    .requiredOption("--scope <scopes>", `${SCOPES.join(", ")}; each may all that those before it may`)
    .requiredOption("--label <text>", "what it is for, e.g. phone")
    .option("--expires <time>", "90d, 12h, never", "90d")
    .action(async (flags: CreateFlags) => {
      const scopes = scopesOf(flags.scope);
      const livesMs = durationMs("--expires", flags.expires);
      const admin = storeOf(flags, env);
      try {
        const made = await admin.create({ label: flags.label, scopes, livesMs });
        const { id, label, expires_at } = made.token;
        console.log(made.secret);
        console.error(
          `Token ${id} "${label}" may ${scopes.join(", ")}; expires: ${day(expires_at)}. Keep it: it is shown only now.`,
        );
      } finally {
        admin.close();
      }
    });
  withTokenFlags(token.command("list"))
    .description("All tokens and machines' credentials, newest first")
    .option("--json", "as JSON")
    .action(async (flags: TokenFlags & { readonly json?: boolean }) => {
      const admin = storeOf(flags, env);
      try {
        const tokens = await admin.list();
        if (flags.json) console.log(JSON.stringify(tokens, null, 2));
        else console.log(tokens.length === 0 ? `No tokens yet; make one: ${makeLine(flags)}` : rows(tokens));
      } finally {
        admin.close();
      }
    });
  withTokenFlags(token.command("revoke"))
    .description("End a token or a machine's credential at once")
    .argument("<id>", "as token list shows it")
    .action(async (id: string, flags: TokenFlags) => {
      const admin = storeOf(flags, env);
      try {
        const { label, kind } = await admin.revoke(id);
        const links = kind === "client" ? "; links to files that it made end with it" : "";
        console.log(`Revoked ${id} "${label}"${links}`);
      } finally {
        admin.close();
      }
    });
  return token;
}

/** Where they were looked for. */
function makeLine({ agentData, data, router, adminTokenFile }: TokenFlags): string {
  const where = {
    "--agent-data": agentData,
    "--data": data,
    "--router": router,
    "--admin-token-file": adminTokenFile,
  };
  const given = Object.entries(where).flatMap(([flag, value]) =>
    value === undefined ? [] : [flag, shellWord(value)],
  );
  return [CALLED, "token create", ...given, "--scope train --label laptop"].join(" ");
}

function rows(tokens: readonly Token[]): string {
  const now = new Date();
  return table(
    ["ID", "KIND", "LABEL", "SCOPES", "STATE", "CREATED", "EXPIRES", "LAST USED"],
    tokens.map((token) => [
      token.id,
      token.kind,
      token.label,
      token.scopes.join(",") || "-",
      stateOf(token, now),
      day(token.created_at),
      day(token.expires_at),
      day(token.last_used_at),
    ]),
  );
}
