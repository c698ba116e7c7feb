// The router of one owner on Workers: a Durable Object that is what a Node process is elsewhere. It holds the machines'
// sockets and the database, and runs the same app.
import type { DurableObjectState } from "cloudflare:workers";
import type { Context } from "hono";
import { GREETING_MS } from "../shared/protocol.ts";
import { pairedCredential } from "./agent-door.ts";
import { createEdge, type Edge } from "./edge.ts";
import { WorkerAgents } from "./worker-agents.ts";
import { oauthOf, policyOf, type WorkerEnv } from "./worker-env.ts";
import { workerLog } from "./worker-log.ts";
import { SocketObject } from "./worker-sockets.ts";
import { objectSql } from "./worker-sql.ts";
import { acceptTransfer, WINDOW_BYTES } from "./worker-transfers.ts";

/** How often the registry is looked after while all is well. Each time wakes the object. */
const SWEEP_MS = 3_600_000;

/** Cloudflare's edge sets it, whatever the client sent. */
export const addressOf = (c: Context) => c.req.header("cf-connecting-ip") ?? "unknown";

export class RouterObject extends SocketObject<WorkerEnv> {
  readonly #edge: Edge;
  readonly #agents: WorkerAgents;
  protected readonly kinds;

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env);
    const log = workerLog();
    this.#edge = createEdge({
      sql: objectSql(ctx.storage),
      token: env.MCP_AI_TOOLKIT_TOKEN,
      agentToken: env.MCP_AI_TOOLKIT_AGENT_TOKEN,
      insecure: false,
      oauth: oauthOf(env),
      policy: policyOf(env),
      accept: () => (c, credential) => this.#agents.accept(c, credential),
      acceptTransfer,
      transferOptions: { windowBytes: WINDOW_BYTES },
      addressOf,
      log,
    });
    const { fleet, machines, tokens } = this.#edge;
    this.#agents = new WorkerAgents(ctx, {
      hub: fleet.hub,
      helloOf: (name) => machines.helloOf(name),
      credentialOf: (token) => pairedCredential(tokens, token),
      onStranger: () => ctx.waitUntil(this.#sweepWithin(GREETING_MS + 1_000)),
      log,
    });
    this.kinds = { [WorkerAgents.tag]: this.#agents };
  }

  fetch(request: Request): Response | Promise<Response> {
    return this.#edge.app.fetch(request);
  }

  /** What an interval does on Node: an alarm does not keep the object awake. */
  async alarm(): Promise<void> {
    await this.#edge.fleet.sweep();
    if (this.ctx.getWebSockets().length > 0) await this.#sweepWithin(SWEEP_MS);
  }

  async #sweepWithin(ms: number): Promise<void> {
    const atMs = Date.now() + ms;
    const planned = await this.ctx.storage.getAlarm();
    if (planned === null || planned > atMs) await this.ctx.storage.setAlarm(atMs);
  }
}
