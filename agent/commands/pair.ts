// mcp-ai-toolkit router pair
import { Command } from "commander";
import { type AdminFlags, adminOf, type Environment, withAdminFlags } from "./admin-flags.ts";

export function pairCommand(env: Environment): Command {
  return withAdminFlags(new Command("pair"))
    .description("Make a one-time code with which a GPU machine joins this router")
    .addHelpText(
      "after",
      `
Examples:
  mcp-ai-toolkit router pair
  mcp-ai-toolkit router pair --router https://train.example.org --admin-token-file ~/.mcp-router-token`,
    )
    .action(async (flags: AdminFlags) => {
      const admin = adminOf(flags, env);
      try {
        const { code, expires_at } = await admin.pair();
        console.log(code);
        const router = flags.router ?? env["MCP_AI_TOOLKIT_ROUTER_URL"] ?? "https://YOUR-ROUTER";
        console.error(
          `Good for one machine until ${expires_at.slice(11, 16)} UTC. On the GPU machine:\n` +
            `  mcp-ai-toolkit join ${router} --name box222 --code ${code}`,
        );
      } finally {
        admin.close();
      }
    });
}
