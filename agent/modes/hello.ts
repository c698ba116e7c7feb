// What this machine says of itself to a router, in this process or far away.
import { randomUUID } from "node:crypto";
import { type Hello, VERSIONS } from "../../shared/protocol.ts";
import { SERVER_VERSION } from "../../shared/server-info.ts";
import { ROUTER_TOOLS, TOOLS } from "../../shared/tools/index.ts";
import type { Agent } from "../agent.ts";
import { ownName } from "../link-options.ts";
import type { Options } from "../options.ts";

const instance = randomUUID();
const own = new Set<string>(ROUTER_TOOLS.map(({ name }) => name));

export function helloOf({ machineId }: Agent, { link }: Options): Omit<Hello, "limits" | "heartbeat_ms"> {
  return {
    versions: VERSIONS,
    name: link.name ?? ownName(),
    machine_id: machineId,
    instance,
    agent_version: SERVER_VERSION,
    tools: TOOLS.map(({ name }) => name).filter((name) => !own.has(name)),
  };
}
