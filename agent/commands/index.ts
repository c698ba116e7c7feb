// Where each command is. It is loaded only when it is called.
import type { Command } from "commander";

/** By their words; what serves until it is stopped is in main.ts. */
export const LOADERS: Readonly<Record<string, () => Promise<Command>>> = {
  "setup-toolkit": async () => (await import("./setup-toolkit.ts")).setupToolkitCommand(process.env),
  install: async () => (await import("./install.ts")).installCommand(),
  upgrade: async () => (await import("./install.ts")).upgradeCommand(),
  uninstall: async () => (await import("./install.ts")).uninstallCommand(),
  doctor: async () => (await import("./doctor.ts")).doctorCommand(process.env),
  join: async () => (await import("./join.ts")).joinCommand(process.env),
  connect: async () => (await import("./connect.ts")).connectCommand(process.env),
  token: async () => (await import("./token.ts")).tokenCommand(process.env),
  "router pair": async () => (await import("./pair.ts")).pairCommand(process.env),
  "router audit": async () => (await import("./audit.ts")).auditCommand(process.env),
};

/** The command that these arguments begin with, and how many words it takes. */
export function commandIn(argv: readonly string[]) {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(" ");
    const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
    if (load) return { words, load };
  }
  return undefined;
}
