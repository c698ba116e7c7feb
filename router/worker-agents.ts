// The machines' WebSockets in a Durable Object. While nothing is to do the runtime keeps the sockets and forgets the object
// (hibernation); what is attached to each tells the next incarnation whose it is.
import type { DurableObjectState } from "cloudflare:workers";
import * as v from "valibot";
import type { Link } from "../shared/link.ts";
import type { Log } from "../shared/log.ts";
import { CLOSE, encode, FRAME_BYTES_MAX, type Hello } from "../shared/protocol.ts";
import { type Socket, websocketLink } from "../shared/websocket-link.ts";
import type { AgentDoor } from "./agent-door.ts";
import type { Token } from "./auth/tokens.ts";
import type { Credential, Hub } from "./hub.ts";
import type { SocketKind } from "./worker-sockets.ts";

/** Small: the runtime takes 16 KiB. What the machine said of itself is in the registry. */
const Attached = v.object({
  /** Where it came by one of its own. */
  token: v.optional(v.object({ id: v.string(), label: v.string() })),
  since_ms: v.number(),
  /** Absent until it was welcomed. */
  agent: v.optional(v.object({ name: v.string(), instance: v.string() })),
});
type Attached = v.InferOutput<typeof Attached>;

export interface WorkerAgentsOptions {
  readonly hub: Hub;
  /** What the machine of this name said when it connected last. */
  readonly helloOf: (name: string) => Hello | undefined;
  readonly credentialOf: (token: Pick<Token, "id" | "label">) => Credential;
  /** A link has come that has said nothing yet. */
  readonly onStranger: () => void;
  readonly log: Log;
}

export class WorkerAgents implements SocketKind {
  static readonly tag = "agent";
  readonly #ctx: DurableObjectState;
  readonly #options: WorkerAgentsOptions;
  readonly #ends = new Map<SleepingWebSocket, SocketEnd>();

  constructor(ctx: DurableObjectState, options: WorkerAgentsOptions) {
    this.#ctx = ctx;
    this.#options = options;
    // Answered by the runtime, while the object sleeps and while it does not.
    const [ping, pong] = (["ping", "pong"] as const).map((t) => encode({ t }, FRAME_BYTES_MAX));
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(ping ?? "", pong ?? ""));
    for (const socket of ctx.getWebSockets(WorkerAgents.tag)) this.#resume(socket);
  }

  readonly accept: AgentDoor["accept"] = async (_c, credential) => {
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.#ctx.acceptWebSocket(ours, [WorkerAgents.tag]);
    const { tokenId: id, name: label } = credential;
    const token = id !== undefined && label !== undefined ? { id, label } : undefined;
    this.#greet(ours, credential, { token, since_ms: Date.now() });
    this.#options.onStranger();
    return new Response(null, { status: 101, webSocket: theirs });
  };

  /** Waits for a hello. */
  #greet(socket: SleepingWebSocket, credential: Credential, stranger: Attached): void {
    const { hub, log } = this.#options;
    socket.serializeAttachment(stranger);
    hub.attach(this.#link(socket), credential, stranger.since_ms).then(
      ({ name, hello }) => {
        const agent = { name, instance: hello.instance };
        socket.serializeAttachment({ ...stranger, agent } satisfies Attached);
        log.info({ machine: name, version: hello.agent_version }, "machine connected");
      },
      (error: Error) => log.warn({ reason: error.message }, "an agent was not taken in"),
    );
  }

  /** A socket from before the object slept. */
  #resume(socket: SleepingWebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    const { hub, helloOf, credentialOf } = this.#options;
    const attached = v.parse(Attached, socket.deserializeAttachment());
    const { token, agent } = attached;
    const credential = token ? credentialOf(token) : {};
    const hello = agent && helloOf(agent.name);
    if (!agent) this.#greet(socket, credential, attached);
    else if (hello?.instance === agent.instance)
      hub.resume(this.#link(socket), agent.name, hello, credential);
    else socket.close(CLOSE.going_away, "the router has forgotten this machine"); // it could not be noted
  }

  #link(socket: SleepingWebSocket): Link {
    const end = new SocketEnd(this.#ctx, socket);
    this.#ends.set(socket, end);
    return websocketLink(end);
  }

  message(socket: SleepingWebSocket, data: string | ArrayBuffer): void {
    this.#ends.get(socket)?.tellMessage(data);
  }

  closed(socket: SleepingWebSocket, code: number, reason: string): void {
    this.#ends.get(socket)?.tellClose(code, reason);
    this.#ends.delete(socket);
  }
}

type MessageListener = (event: { readonly data: unknown }) => void;
type CloseListener = (event: { readonly code: number; readonly reason: string }) => void;

/** A socket of a Durable Object has no events: the object's methods are called instead. */
class SocketEnd implements Socket {
  readonly #ctx: DurableObjectState;
  readonly #socket: SleepingWebSocket;
  readonly #onMessage: MessageListener[] = [];
  readonly #onClose: CloseListener[] = [];

  constructor(ctx: DurableObjectState, socket: SleepingWebSocket) {
    this.#ctx = ctx;
    this.#socket = socket;
  }

  get heardAtMs(): number | undefined {
    return this.#ctx.getWebSocketAutoResponseTimestamp(this.#socket)?.getTime();
  }

  send(text: string): void {
    try {
      this.#socket.send(text);
    } catch {
      this.tellClose(1006, ""); // it is closed, and nobody has told us yet
    }
  }

  close(code?: number, reason?: string): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // It is closed already.
    }
  }

  addEventListener(type: "message", listener: MessageListener): void;
  addEventListener(type: "close", listener: CloseListener): void;
  addEventListener(type: "error", listener: () => void): void;
  addEventListener(type: string, listener: MessageListener | CloseListener): void {
    // The overloads above say which listener goes with which name.
    if (type === "message") this.#onMessage.push(listener as MessageListener);
    if (type === "close") this.#onClose.push(listener as CloseListener);
  }

  tellMessage(data: string | ArrayBuffer): void {
    for (const listener of this.#onMessage) listener({ data });
  }

  tellClose(code: number, reason: string): void {
    for (const listener of this.#onClose) listener({ code, reason });
  }
}
