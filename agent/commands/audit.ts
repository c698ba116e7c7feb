// mcp-ai-toolkit router audit
import { Command } from "commander";
import type { AuditEntry } from "../../router/audit.ts";
import { numberOf } from "../option-values.ts";
import { type AdminFlags, adminOf, type Environment, withAdminFlags } from "./admin-flags.ts";
import { table } from "./table.ts";

/** As many as the route gives at once. */
const ROWS_MAX = 1_000;

interface Flags extends AdminFlags {
  readonly limit: string;
  readonly json?: boolean;
}

export function auditCommand(env: Environment): Command {
  return withAdminFlags(new Command("audit"))
    .description("What was changed through this router, by whom and how it ended, newest first")
    .option("--limit <rows>", "how many", "100")
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      `
Examples:
  mcp-ai-toolkit router audit --limit 20
  mcp-ai-toolkit router audit --json --router https://train.example.org --admin-token-file ~/.mcp-router-token`,
    )
    .action(async (flags: Flags) => {
      const limit = Math.floor(numberOf("--limit", flags.limit, "rows", 1, ROWS_MAX));
      const admin = adminOf(flags, env);
      try {
        const entries = await admin.audit(limit);
        console.log(flags.json ? JSON.stringify(entries, null, 2) : rows(entries));
      } finally {
        admin.close();
      }
    });
}

function rows(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return "Nothing was changed yet";
  return table(
    ["time", "who", "did", "to", "outcome"],
    entries.map(({ at, caller_id, caller_label, tool, target, outcome }) => [
      at.slice(0, 19),
      `${caller_label} (${caller_id})`,
      tool,
      target ?? "",
      outcome,
    ]),
  );
}
