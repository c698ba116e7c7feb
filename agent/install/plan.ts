// From what was asked for, and what is there already, to the options that the service will run with.
import { readFile } from "node:fs/promises";
import { delimiter, join, relative, resolve } from "node:path";
import { isInside, isMissing } from "../files/sandbox.ts";
import { isLoopback } from "../loopback.ts";
import { DEFAULT_DATA, type Options, parseOptions } from "../options.ts";
import { type Paths, pathsOf } from "../paths.ts";
import { UsageError } from "../usage-error.ts";
import { type Account, chooseAccount, gpuGroups } from "./account.ts";
import { type Layout, layoutIn } from "./layout.ts";
import { NEW_SETTINGS, type Settings, settingsIn, withSettings } from "./settings.ts";
import { unitText } from "./unit.ts";

export interface InstallRequest {
  readonly data?: string | undefined;
  readonly user?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly toolkit?: string | undefined;
  readonly python?: string | undefined;
  readonly trainer?: string | undefined;
  readonly exportRoots?: readonly string[] | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  /** Join this router, by its one-time code. */
  readonly router?: string | undefined;
  readonly code?: string | undefined;
  readonly name?: string | undefined;
  /** "/", or the folder that will be one. */
  readonly root: string;
}

export interface Plan {
  readonly root: string;
  readonly layout: Layout;
  readonly account: Account;
  readonly settings: Settings;
  readonly settingsText: string;
  readonly options: Options;
  /** On this machine, below `root`. */
  readonly paths: Paths;
  readonly groups: readonly string[];
}

const textOf = (path: string) =>
  readFile(path, "utf8").catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });

/** @throws UsageError with what is wrong with the options */
function checked(settings: Settings): Options {
  // Whether there is a token yet is seen to later.
  return parseOptions([], { MCP_AI_TOOLKIT_INSECURE: "1", ...settings, PATH: process.env["PATH"] });
}

/** The same path on the machine that is made below `root`. */
const below = (root: string) => (path: string) => (root === "/" ? path : join(root, path));

/** @throws UsageError */
export async function planFor(request: InstallRequest): Promise<Plan> {
  const root = resolve(request.root);
  const layout = layoutIn(root);
  const text = (await textOf(layout.settings)) ?? NEW_SETTINGS;
  const before = settingsIn(text);
  const data = resolve(request.data ?? before["AI_TOOLKIT_PATH"] ?? DEFAULT_DATA);
  if (request.code !== undefined && request.router === undefined) {
    throw new UsageError("--code needs --router https://YOUR-ROUTER");
  }
  const mode = request.router === undefined ? (before["MCP_AI_TOOLKIT_MODE"] ?? "standalone") : "agent";
  const set = {
    AI_TOOLKIT_PATH: data,
    MCP_AI_TOOLKIT_MODE: mode,
    MCP_AI_TOOLKIT_HOST: request.host ?? before["MCP_AI_TOOLKIT_HOST"] ?? "127.0.0.1",
    MCP_AI_TOOLKIT_PORT: request.port ?? before["MCP_AI_TOOLKIT_PORT"] ?? "8012",
    MCP_AI_TOOLKIT_TOOLKIT: request.toolkit === undefined ? undefined : resolve(request.toolkit),
    MCP_AI_TOOLKIT_PYTHON: request.python === undefined ? undefined : resolve(request.python),
    MCP_AI_TOOLKIT_TRAINER: request.trainer,
    MCP_AI_TOOLKIT_EXPORT_ROOTS: request.exportRoots?.join(delimiter),
    MCP_AI_TOOLKIT_ALLOW_HOSTS: request.allowHosts?.join(","),
  };
  const settingsText = withSettings(text, set);
  const settings = settingsIn(settingsText);
  const at = below(root);
  return {
    root,
    layout,
    account: await chooseAccount(request.user, at(data)),
    settings,
    settingsText,
    options: checked(settings),
    paths: pathsOf({ data: at(data), state: stateBelow(settings, at) }),
    groups: await gpuGroups(),
  };
}

const stateBelow = (settings: Settings, at: (path: string) => string) => {
  const state = settings["MCP_AI_TOOLKIT_STATE"];
  return state === undefined ? undefined : at(state);
};

/** Caches that a training fills below the home of a person; our own account's home is the service's. */
export const CACHES = [".cache", ".nv", ".triton"] as const;

export const cachesOf = ({ account }: Plan) =>
  account.own ? [] : CACHES.map((name) => join(account.home, name));

export function unitOf(plan: Plan): string {
  const { account, options, settings, groups } = plan;
  const { data, state, toolkitFolders, datasetRoots, exportRoots } = options;
  const outside = [
    state,
    ...toolkitFolders,
    ...datasetRoots,
    ...exportRoots.map(({ path }) => path),
    settings["HF_HOME"],
    ...cachesOf(plan),
  ];
  const writableIfThere = outside.filter((path) => path !== undefined && !isInside(data, resolve(path)));
  return unitText({
    user: account.name,
    group: account.group,
    groups,
    ownAccount: account.own,
    writable: [data],
    writableIfThere: [...new Set(writableIfThere.filter((path) => path !== undefined))],
  });
}

export const needsToken = ({ settings, options: { host } }: Plan) =>
  !isLoopback(host) &&
  ["MCP_AI_TOOLKIT_TOKEN", "MCP_AI_TOOLKIT_TOKEN_FILE"].every((name) => settings[name] === undefined);

/** As the machine will see it. */
export const withoutRoot = (root: string, path: string) =>
  root === "/" ? path : join("/", relative(root, path));
