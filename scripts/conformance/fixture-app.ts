// The router's app with the fixture in place of training machines; it knows no runtime.
import type { Hono } from "hono";
import { type AgentDoor, sharedAgentToken } from "../../router/agent-door.ts";
import { createApp } from "../../router/app.ts";
import type { AppEnv } from "../../router/app-env.ts";
import { ownerToken } from "../../router/auth/authenticate.ts";
import { Changes } from "../../router/changes.ts";
import { hostPolicy } from "../../router/hosts.ts";
import type { Hub } from "../../router/hub.ts";
import type { Features } from "../../router/mcp/features.ts";
import type { Log } from "../../shared/log.ts";
import { FixtureBackend } from "./fixture-backend.ts";
import { aroundCall, requestState } from "./fixture-conversations.ts";
import { prompts } from "./fixture-prompts.ts";
import { resources } from "./fixture-resources.ts";
import { aroundLongTools, tasks } from "./fixture-tasks.ts";

export interface FixtureOptions {
  readonly hub: Hub;
  readonly agentToken: string;
  readonly accept: AgentDoor["accept"];
  readonly log: Log;
}

export function fixtureApp({ hub, agentToken, accept, log }: FixtureOptions): Hono<AppEnv> {
  const backend = new FixtureBackend(hub);
  const changes = new Changes(["tools", "prompts", "resources"]);
  const features: Features = {
    resources,
    prompts,
    complete: async ({ value }) => [`${value}ing`],
    around: aroundLongTools(aroundCall(changes)),
    tasks,
    requestState,
    install(server, era) {
      server.registerCapabilities({ logging: {} });
      // Of the old era; nobody is ever told of anything.
      if (era === "modern") return;
      for (const method of ["resources/subscribe", "resources/unsubscribe"] as const)
        server.setRequestHandler(method, async () => ({}));
    },
  };
  return createApp({
    backend,
    surface: "mcp",
    policy: hostPolicy(),
    authenticate: ownerToken(undefined),
    mcp: { featuresOf: () => features, changes },
    agentDoor: { auth: [sharedAgentToken(agentToken)], accept },
    log,
  });
}
