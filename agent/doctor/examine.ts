// All checks, in the order in which a person would look: what comes first keeps the rest from working.

import { hasCode } from "../files/sandbox.ts";
import { readMembership } from "../membership.ts";
import type { Options } from "../options.ts";
import { pathsOf } from "../paths.ts";
import { rehearsalCommand } from "../program.ts";
import { hubCache } from "../tools/configs/hf-cache.ts";
import type { Environment } from "../trainer/environment.ts";
import { driverCheck } from "./driver-check.ts";
import { error, type Finding } from "./finding.ts";
import { modelChecks } from "./model-checks.ts";
import { portCheck, routerChecks, type TokenFacts, tokenFindings } from "./network-checks.ts";
import { diskChecks, permissionChecks } from "./place-checks.ts";
import { nodeCheck, serviceCheck } from "./program-checks.ts";
import { toolkitChecks, torchCheck } from "./toolkit-checks.ts";

export interface Examination {
  readonly options: Options;
  readonly environment: Environment;
  /** Where the machine itself reaches the server. */
  readonly url: string;
  readonly offline: boolean;
  readonly insecure: boolean;
  /** It is the installed service that is looked at, by its own account. */
  readonly service: boolean;
  readonly tokens: () => Promise<readonly TokenFacts[]>;
}

export interface Part {
  /** What is being looked at, for those who wait. */
  readonly doing: string;
  readonly look: () => Promise<readonly Finding[]>;
}

const NODE: Part = { doing: "Node.js", look: async () => nodeCheck(process.versions.node) };
const SERVICE: Part = { doing: "service", look: () => serviceCheck() };

/** For those who may not read the service's settings: what hangs on none of them. */
export const outsideParts = (environment: Environment): Part[] => [
  NODE,
  { doing: "nvidia-smi", look: () => driverCheck(environment) },
  SERVICE,
  {
    doing: "settings",
    look: async () => [
      error(
        "settings",
        "of the service are root's to read, so the rest was not looked at",
        "sudo mcp-ai-toolkit doctor",
      ),
    ],
  },
];

export function parts(examination: Examination): Part[] {
  const { options, environment, url, offline, insecure, service, tokens } = examination;
  const paths = pathsOf(options);
  const trainer = {
    choice: options.trainer,
    toolkitFolders: options.toolkitFolders,
    python: options.python,
    rehearsalCommand: rehearsalCommand(),
  };
  const toolkit = toolkitChecks(trainer, options.data, service);
  toolkit.catch(() => {}); // looked at, and told of, in its part
  const isReal = options.trainer !== "rehearsal";
  const places = new Map([["runs", paths.output]]);
  const cache = hubCache(environment);
  if (cache !== undefined && isReal) places.set("base models", cache);
  const { host, token, data } = options;
  return [
    NODE,
    { doing: "ai-toolkit", look: async () => (await toolkit).findings },
    {
      doing: "importing torch",
      look: async () => {
        const found = (await toolkit).toolkit;
        return found ? await torchCheck(found, { service, environment }) : [];
      },
    },
    { doing: "nvidia-smi", look: async () => (isReal ? await driverCheck(environment) : []) },
    { doing: "disks", look: () => diskChecks(places) },
    { doing: "permissions", look: () => permissionChecks(paths) },
    {
      doing: "base models",
      look: async () => {
        if (!isReal) return [];
        const home = (await toolkit).toolkit?.path ?? options.toolkitFolders[0];
        return await modelChecks({ paths, toolkit: home, environment, offline });
      },
    },
    SERVICE,
    { doing: "port", look: () => portCheck(url, service) },
    {
      doing: "router",
      look: async () => {
        // A service that was not told to dial in leaves alone what an earlier one joined.
        const dials = !service || options.mode === "agent";
        const joined = dials ? await readMembership(paths.state) : undefined;
        const router = options.link.router?.href.replace(/^ws/, "http").replace(/\/agent\/?$/, "");
        const asked = joined ?? (router === undefined ? undefined : { router });
        return asked && !offline ? await routerChecks({ router: asked, service, folders: options }) : [];
      },
    },
    {
      doing: "tokens",
      look: async () =>
        tokenFindings({
          host,
          ownerToken: token !== undefined,
          insecure,
          tokens: await tokens(),
          data,
          service,
          now: new Date(),
        }),
    },
  ];
}

/** A check that fails itself is a finding, too: the others go on. */
export async function lookAt({ doing, look }: Part): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    if (hasCode(thrown, "EACCES")) {
      const owner = "look as the one to whom it belongs; at the service: sudo mcp-ai-toolkit doctor";
      return [error(doing, `could not be looked at: ${message}`, owner)];
    }
    return [error(doing, `could not be looked at: ${message}`, "mend that, and look again")];
  }
}
