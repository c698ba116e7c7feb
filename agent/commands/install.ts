// mcp-ai-toolkit install, upgrade, uninstall
import { Command } from "commander";
import { isRoot } from "../install/as-user.ts";
import { localUrl } from "../install/health.ts";
import { type Installed, type Installing, install } from "../install/install.ts";
import { ACCOUNT, LAYOUT, SERVICE } from "../install/layout.ts";
import type { InstallRequest } from "../install/plan.ts";
import { systemd } from "../install/service-manager.ts";
import { runningSource } from "../install/source.ts";
import { uninstall } from "../install/uninstall.ts";
import { upgrade } from "../install/upgrade.ts";
import { isLoopback } from "../loopback.ts";
import { list } from "../option-values.ts";
import { UsageError } from "../usage-error.ts";

interface Flags {
  readonly root: string;
  readonly dryRun?: boolean;
}

interface InstallFlags extends Flags, Omit<InstallRequest, "root" | "exportRoots" | "allowHosts"> {
  readonly exportRoot?: string[];
  readonly allowHost?: string[];
}

const withPlaceFlags = (command: Command) =>
  command
    .option("--dry-run", "print every step and every file, change nothing")
    .option("--root <folder>", "work below this folder, e.g. an image; nothing is started", "/");

/** @throws UsageError */
function checkRights({ root, dryRun }: Flags, command: string): void {
  if (process.platform !== "linux") throw new UsageError(`${command} needs Linux with systemd`);
  if (!isRoot() && root === "/" && !dryRun) {
    throw new UsageError(`${command} needs root: sudo …, or look first what it would do: --dry-run`);
  }
  process.umask(0o022); // the service's account has to read what we write
}

const print = (line: string) => console.log(line);

async function installing(flags: Flags): Promise<Installing> {
  const manager = flags.root === "/" ? await systemd() : undefined;
  return { source: runningSource(), manager, dryRun: flags.dryRun ?? false, print };
}

export function installCommand(): Command {
  return withPlaceFlags(new Command("install"))
    .description(
      "Install this machine's agent as a systemd service. Run again, it repairs and takes new options",
    )
    .option("--data <folder>", "configs, data sets, output, and ai-toolkit itself [default: /ai-toolkit]")
    .option(
      "--user <name>",
      "run as [default: the data folder's owner; an account of its own when that is root]",
    )
    .option(
      "--host <address>",
      "address to listen on; for the LAN 0.0.0.0, a token is made then [default: 127.0.0.1]",
    )
    .option("-p, --port <number>", "port to listen on [default: 8012]")
    .option("--router <url>", "join this router")
    .option("--code <code>", "with --router: from mcp-ai-toolkit router pair")
    .option("--name <name>", "with --router: what the machine is called there [default: its host name]")
    .option(
      "--toolkit <folder>",
      "where ai-toolkit's run.py is [default: the data folder, or ai-toolkit in it]",
    )
    .option("--python <file>", "Python that runs ai-toolkit [default: the toolkit's venv]")
    .option("--trainer <trainer>", "auto, ai-toolkit, or rehearsal [default: auto]")
    .option("--export-root <[name=]folder>", "export_model may write there; may be given again", list)
    .option("--allow-host <name>", "a further name under which clients reach it; may be given again", list)
    .addHelpText(
      "after",
      `
Examples:
  sudo npx mcp-ai-toolkit install --data /ai-toolkit
  sudo npx mcp-ai-toolkit install --data /ai-toolkit --router https://train.example.org --code K7QX-M2PD
  sudo npx mcp-ai-toolkit install --data /ai-toolkit --host 0.0.0.0 --export-root comfy=/srv/ComfyUI/models/loras
  npx mcp-ai-toolkit install --data /ai-toolkit --dry-run`,
    )
    .action(async ({ exportRoot, allowHost, ...flags }: InstallFlags) => {
      checkRights(flags, "install");
      const how = await installing(flags);
      const request = { ...flags, exportRoots: exportRoot, allowHosts: allowHost };
      const installed = await install(request, how);
      console.log(how.dryRun ? "\nNothing was changed." : summary(installed, how));
    });
}

function summary({ plan, token }: Installed, { manager }: Installing): string {
  const url = localUrl(plan.settings);
  const running = manager
    ? `It runs as ${plan.account.name}:  ${url}/mcp`
    : plan.root === "/"
      ? `systemd does not run here, so nothing was started. By hand:  ${LAYOUT.command} --data ${plan.options.data}`
      : `Installed below ${plan.root}; it starts with the machine, as ${plan.account.name}.`;
  const asks = !isLoopback(plan.options.host);
  const shown = token === undefined ? [] : ["", "For clients on the network, shown only now:", `  ${token}`];
  return [
    "",
    running,
    `  what is missing    sudo ${SERVICE} doctor`,
    `  connect a client   ${asks ? "sudo " : ""}${SERVICE} connect claude-code`,
    `  logs               sudo journalctl -u ${SERVICE} -f`,
    `  settings, HF_TOKEN sudo editor ${LAYOUT.settings}, then sudo systemctl restart ${SERVICE}`,
    ...shown,
  ].join("\n");
}

export function upgradeCommand(): Command {
  return withPlaceFlags(new Command("upgrade"))
    .description(
      "Let the version that runs this command take over; trainings go on, and the old one comes back if need be",
    )
    .addHelpText(
      "after",
      `
Examples:
  sudo npx mcp-ai-toolkit@latest upgrade
  sudo npx --package ./mcp-ai-toolkit-0.2.0.tgz mcp-ai-toolkit upgrade`,
    )
    .action(async (flags: Flags) => {
      checkRights(flags, "upgrade");
      await upgrade(flags.root, await installing(flags));
    });
}

export function uninstallCommand(): Command {
  return withPlaceFlags(new Command("uninstall"))
    .description("Take service and program away; data and settings stay, and running trainings go on")
    .option("--purge", "the settings, too")
    .addHelpText(
      "after",
      "\nExamples:\n  sudo mcp-ai-toolkit uninstall --dry-run\n  sudo mcp-ai-toolkit uninstall",
    )
    .action(async ({ root, dryRun = false, purge = false }: Flags & { readonly purge?: boolean }) => {
      checkRights({ root, dryRun }, "uninstall");
      const manager = root === "/" ? await systemd() : undefined;
      const { data, home } = await uninstall({ root, manager, purge, dryRun, print });
      const settings = purge ? "" : ` Settings: ${LAYOUT.settings} (--purge removes them).`;
      const account =
        home === undefined ? "" : ` The account ${ACCOUNT}, with the models that it downloaded in ${home}.`;
      console.log(
        `\n${dryRun ? "Nothing was changed." : "Gone."} What stays: everything in ${data}, and its jobs and tokens in ${data}/.mcp-ai-toolkit.${settings}${account}`,
      );
    });
}
