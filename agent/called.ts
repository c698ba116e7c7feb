// How this program was started, for people who are told what to type next: from a clone there is no `mcp-ai-toolkit`.
import { basename, delimiter, dirname, relative } from "node:path";
import { shellWord } from "../shared/file-links.ts";
import { LAYOUT, SERVICE } from "./install/layout.ts";

export interface Start {
  /** As it was typed. */
  readonly argv0: string;
  readonly execArgv: readonly string[];
  /** The second is our file, or npm's link to it. */
  readonly argv: readonly string[];
  readonly execPath: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What stands in front of a command's name, in the folder where this program was started. */
export function calledAs({ argv0, execArgv, argv: [, file = ""], folder, env }: Start): string {
  if (file.startsWith(`${LAYOUT.current}/`)) return SERVICE; // by the command that it installed
  const { npm_lifecycle_event: script, npm_package_name: project, PATH = "" } = env;
  if (script === "start" && project === SERVICE) return "npm start --";
  if (basename(file) === SERVICE) {
    // npm's links: npx makes them in its cache, and finds those of a project.
    if (basename(dirname(file)) === ".bin") return ["npx", ...packageOf(env), SERVICE].join(" ");
    if (PATH.split(delimiter).includes(dirname(file))) return SERVICE;
  }
  const near = relative(folder, file);
  return [argv0, ...execArgv, near.startsWith("..") ? file : near].map(shellWord).join(" ");
}

/** What npx was told to take it from. */
const packageOf = ({ npm_command, npm_config_package: source }: Start["env"]) =>
  npm_command === "exec" && source ? ["--package", shellWord(source)] : [];

/** Where sudo finds commands, whatever the person's PATH has. The last: what the installed command starts. */
const SUDO_PATH = ["/usr/local/bin", "/usr/bin", "/bin", `${LAYOUT.current}/dist`];

/** The same for root. */
export function calledByRoot(start: Start): string {
  const called = calledAs(start);
  const place = dirname(called === SERVICE ? (start.argv[1] ?? "") : start.execPath);
  const isFound = called.startsWith("/") || SUDO_PATH.includes(place);
  return `sudo ${isFound ? "" : 'env "PATH=$PATH" '}${called}`;
}

/** The flags by which another command means the same folders. */
export const inFolders = ({ data, state }: { readonly data: string; readonly state?: string | undefined }) =>
  `--data ${shellWord(data)}${state === undefined ? "" : ` --state ${shellWord(state)}`}`;

const start: Start = { ...process, folder: process.cwd() };
export const CALLED = calledAs(start);
export const SUDO_CALLED = calledByRoot(start);
