// The fixture as a Worker: the same app in a Durable Object, with the same sockets as the real one.
import type { DurableObjectState } from "cloudflare:workers";
import { Hub } from "../../router/hub.ts";
import { WorkerAgents } from "../../router/worker-agents.ts";
import type { WorkerEnv } from "../../router/worker-env.ts";
import { SocketObject } from "../../router/worker-sockets.ts";
import { SILENT } from "../../shared/log.ts";
import { fixtureApp } from "./fixture-app.ts";

export class RouterObject extends SocketObject<WorkerEnv> {
  readonly #app: ReturnType<typeof fixtureApp>;
  protected readonly kinds;

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env);
    const hub = new Hub();
    const agents = new WorkerAgents(ctx, {
      hub,
      helloOf: () => undefined, // the suite leaves it no time to sleep
      credentialOf: () => ({}),
      onStranger() {},
      log: SILENT,
    });
    this.kinds = { [WorkerAgents.tag]: agents };
    const agentToken = env.MCP_AI_TOOLKIT_AGENT_TOKEN ?? "";
    this.#app = fixtureApp({ hub, agentToken, accept: agents.accept, log: SILENT });
  }

  fetch(request: Request): Response | Promise<Response> {
    return this.#app.fetch(request);
  }
}

export default {
  fetch: (request: Request, env: WorkerEnv) => env.ROUTER.getByName("fixture").fetch(request),
};
