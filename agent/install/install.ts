// mcp-ai-toolkit install: every step of it, in order. Doing it again repairs what is missing.
import { execFile } from "node:child_process";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { readMembership } from "../membership.ts";
import { UsageError } from "../usage-error.ts";
import { ACCOUNT_FILE, type Account, accountStep, madeAccount } from "./account.ts";
import { isRoot, type Owner } from "./as-user.ts";
import { LAYOUT, SERVICE } from "./layout.ts";
import { cachesOf, type InstallRequest, needsToken, type Plan, planFor, unitOf } from "./plan.ts";
import { folderName, programIn } from "./program.ts";
import type { ServiceManager } from "./service-manager.ts";
import type { Source } from "./source.ts";
import {
  fileStep,
  folderStep,
  giveStep,
  linkStep,
  type Print,
  runSteps,
  type Step,
  UNCHANGED,
} from "./steps.ts";
import { placeStep, startSteps, type Version } from "./version-steps.ts";

export interface Installing {
  readonly source: Source;
  /** undefined: nothing is started, as on an image or where systemd does not run. */
  readonly manager: ServiceManager | undefined;
  readonly dryRun: boolean;
  readonly print: Print;
  readonly healthyMs?: number;
}

export interface Installed {
  readonly plan: Plan;
  /** Made now, and shown only now. */
  readonly token: string | undefined;
}

const COMMAND = `#!/bin/sh
exec ${LAYOUT.current}/bin/node ${LAYOUT.current}/dist/bin.js "$@"
`;

/** @throws UsageError before anything was changed; Error from the step that failed */
export async function install(request: InstallRequest, installing: Installing): Promise<Installed> {
  const { source, dryRun, print } = installing;
  const plan = await planFor(request);
  await checkRouter(request, plan);
  const program = await programIn(source.root, source.node);
  const name = await folderName(program);
  const version = { program, name, source };
  let account = plan.account;
  const owner = () => account.owner;
  // An image's accounts are not this machine's.
  const runner = () => (plan.root === "/" ? account.owner : undefined);
  const run = (args: readonly string[]) => runAs(join(plan.layout.versions, name), args, runner());
  let token: string | undefined;
  const steps: Step[] = [
    ...accountSteps(plan, (made) => {
      account = made;
    }),
    placeStep(version, plan, runner),
    ...folderSteps(plan, owner),
    ...joinSteps(request, plan, run),
    ...tokenSteps(plan, run, (made) => {
      token = made;
    }),
    giveStep(ownFolders(plan.paths), owner),
    settingsStep(plan),
    ...serviceSteps(plan, version, installing),
    ...(await commandSteps(plan)),
  ];
  await runSteps(steps, dryRun, print);
  return { plan, token };
}

async function checkRouter({ router, code }: InstallRequest, { paths }: Plan): Promise<void> {
  if (router === undefined || code !== undefined) return;
  const joined = await readMembership(paths.state).catch(() => undefined); // not ours to read, or damaged
  if (joined && new URL(joined.router).origin === (URL.canParse(router) && new URL(router).origin)) return;
  throw new UsageError(
    `--router needs --code; on the router's machine: mcp-ai-toolkit router pair\nThen here:  --router ${router} --code XXXX-XXXX`,
  );
}

function accountSteps(plan: Plan, made: (account: Account) => void): Step[] {
  if (!plan.account.own) return [];
  const { account } = plan.layout;
  const make = accountStep(plan.root, account);
  return [
    fileStep({ path: account, text: ACCOUNT_FILE, mode: 0o644 }),
    {
      ...make,
      async run() {
        const outcome = await make.run();
        made(await madeAccount(plan.root));
        return outcome;
      },
    },
  ];
}

const ownFolders = ({ config, datasets, output, outputs, state }: Plan["paths"]) => [
  config,
  datasets,
  output,
  outputs,
  state,
];

function folderSteps(plan: Plan, owner: () => Owner | undefined): Step[] {
  const { root, state } = plan.paths;
  const home = (path: string) => (plan.root === "/" ? path : join(plan.root, path));
  return [
    folderStep({ path: root, owner }),
    ...ownFolders(plan.paths).map((path) =>
      folderStep({ path, mode: path === state ? 0o700 : 0o755, owner }),
    ),
    ...cachesOf(plan).map((path) => folderStep({ path: home(path), mode: 0o700, owner })),
  ];
}

function joinSteps(
  { router, code, name }: InstallRequest,
  { paths, settings }: Plan,
  run: (args: readonly string[]) => Promise<string>,
): Step[] {
  if (router === undefined || code === undefined) return [];
  const state = settings["MCP_AI_TOOLKIT_STATE"] === undefined ? [] : ["--state", paths.state];
  const flags = [...(name === undefined ? [] : ["--name", name]), "--data", paths.root, ...state];
  return [
    {
      title: `Join the router ${router}`,
      detail: `${SERVICE} join ${router} ${flags.join(" ")} --code …`,
      run: async () => (await run(["join", router, "--code", code, ...flags])).split("\n")[0],
    },
  ];
}

function tokenSteps(
  plan: Plan,
  run: (args: readonly string[]) => Promise<string>,
  made: (token: string) => void,
): Step[] {
  if (!needsToken(plan)) return [];
  return [
    {
      title: "Make a token for clients on the network",
      async run() {
        if (await lstat(plan.paths.tokens).catch(() => undefined)) return `${UNCHANGED}, there are some`;
        const flags = ["--scope", "read,train", "--label", "made by install", "--expires", "never"];
        made((await run(["token", "create", "--agent-data", plan.paths.root, ...flags])).trim());
        return undefined;
      },
    },
  ];
}

/** Only root reads it: it may hold tokens. */
function settingsStep({ layout, settingsText }: Plan): Step {
  const detail = settingsText.replaceAll(/^(\w*TOKEN)=.+$/gm, "$1=…");
  return fileStep({ path: layout.settings, text: settingsText, mode: 0o600, detail });
}

function serviceSteps(plan: Plan, version: Version, { manager, print, healthyMs }: Installing): Step[] {
  const { layout } = plan;
  const enable = linkStep(layout.enabled, LAYOUT.unit);
  if (manager) return [enable, ...startSteps(version, plan, { manager, print, healthyMs })];
  return [
    fileStep({ path: layout.unit, text: unitOf(plan), mode: 0o644 }),
    linkStep(layout.current, join("versions", version.name)),
    enable,
  ];
}

/** What somebody else put there, npm say, stays. */
async function commandSteps({ layout: { command } }: Plan): Promise<Step[]> {
  const there = await readFile(command, "utf8").catch(() => undefined); // nothing
  if (there === undefined || there.includes(LAYOUT.current)) {
    return [fileStep({ path: command, text: COMMAND, mode: 0o755 })];
  }
  return [{ title: `Leave ${command} as it is`, run: async () => "it belongs to another installation" }];
}

/** The installed program as the service's account: what it writes, the service can read. */
async function runAs(folder: string, args: readonly string[], owner: Owner | undefined): Promise<string> {
  const as = owner && isRoot() ? { uid: owner.uid, gid: owner.gid } : {};
  const env = { PATH: "/usr/bin:/bin", NODE_EXTRA_CA_CERTS: process.env["NODE_EXTRA_CA_CERTS"] };
  try {
    const program = [join(folder, "dist/bin.js"), ...args];
    return (await promisify(execFile)(join(folder, "bin/node"), program, { cwd: "/", env, ...as })).stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    throw new Error(stderr?.trim() || message);
  }
}
