// mcp-ai-toolkit join https://router --name box222 --code XXXX-XXXX
import { hostname } from "node:os";
import { Command } from "commander";
import * as v from "valibot";
import { CALLED, inFolders } from "../called.ts";
import { readMembership, saveMembership } from "../membership.ts";
import { DEFAULT_DATA } from "../options.ts";
import { pathsOf } from "../paths.ts";
import { type Environment, routerOrigin } from "./admin-flags.ts";
import { askRouter } from "./administration.ts";
import { onceItListens, START_MS } from "./starting-router.ts";

interface Flags {
  readonly name?: string;
  readonly code: string;
  readonly data?: string;
  readonly state?: string;
}

const Joined = v.object({ name: v.string(), secret: v.pipe(v.string(), v.startsWith("maia_")) });

/** A machine's name from its host name: what of it may stand in one. */
function ownName(): string {
  return (
    hostname()
      .toLowerCase()
      .split(".")[0]
      ?.replaceAll(/[^a-z0-9-]/g, "")
      .replace(/^-+|-+$/g, "")
      .slice(0, 32) || "box"
  );
}

export function joinCommand(env: Environment): Command {
  return new Command("join")
    .description("Give this GPU machine to a router; afterwards it dials in by itself: mcp-ai-toolkit agent")
    .argument("<url>", "the router's address, e.g. https://train.example.org")
    .requiredOption("--code <code>", "from: mcp-ai-toolkit router pair")
    .option("--name <name>", "what the machine is called there [default: its host name]")
    .option("--data <folder>", `the agent's data folder (env: AI_TOOLKIT_PATH) [default: ${DEFAULT_DATA}]`)
    .option(
      "--state <folder>",
      "where the credential is kept (env: MCP_AI_TOOLKIT_STATE) [default: <data>/.mcp-ai-toolkit]",
    )
    .addHelpText(
      "after",
      `
Examples:
  mcp-ai-toolkit join https://train.example.org --name box222 --code K7QX-M2PD`,
    )
    .action(async (url: string, flags: Flags) => {
      const origin = routerOrigin(url);
      const folders = {
        data: flags.data ?? env["AI_TOOLKIT_PATH"] ?? DEFAULT_DATA,
        state: flags.state ?? env["MCP_AI_TOOLKIT_STATE"],
      };
      const { state } = pathsOf(folders);
      const body = { code: flags.code, name: flags.name ?? ownName() };
      // What it has been until now shows the router that this is the same machine, whatever its name. A file that is damaged,
      // as its reader says, is mended by joining.
      const before = await readMembership(state).catch(() => undefined);
      const own = before?.router === origin && { token: before.token };
      const answer = await onceItListens(() => askRouter(origin, "/join", { method: "POST", body, ...own }), {
        onWait: () => console.error(`Nobody listens at ${origin} yet; waiting up to ${START_MS / 1_000} s`),
      });
      const { name, secret } = v.parse(Joined, answer);
      const file = await saveMembership(state, { router: origin, name, token: secret });
      console.log(
        `This machine is ${name} at ${origin}. Its credential is in ${file}.\nNow start it:  ${CALLED} agent ${inFolders(folders)}`,
      );
    });
}
