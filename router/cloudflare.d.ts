// The little of the Workers runtime that we use, in terms of the standard types. (@cloudflare/workers-types declares its
// own Request, Response and WebSocket, which are not those of the code that is shared with Node.)

/** A WebSocket whose object may sleep. What is attached outlives the object's memory. */
interface SleepingWebSocket extends WebSocket {
  /** At most 16 KiB. */
  serializeAttachment(value: unknown): void;
  deserializeAttachment(): unknown;
  /** For one that shall have events; its object does not sleep while it is open. */
  accept(): void;
}

interface ResponseInit {
  /** With status 101: the client's end. */
  readonly webSocket?: SleepingWebSocket;
}

declare class WebSocketRequestResponsePair {
  constructor(request: string, response: string);
}

declare class WebSocketPair {
  readonly 0: SleepingWebSocket;
  readonly 1: SleepingWebSocket;
}

declare module "cloudflare:workers" {
  interface Storage {
    readonly sql: {
      exec(
        statement: string,
        ...values: readonly (string | number | null)[]
      ): { toArray(): Readonly<Record<string, unknown>>[] };
    };
    transactionSync<T>(work: () => T): T;
    getAlarm(): Promise<number | null>;
    /** @param timeMs since the epoch */
    setAlarm(timeMs: number): Promise<void>;
  }

  interface DurableObjectState {
    readonly storage: Storage;
    acceptWebSocket(socket: SleepingWebSocket, tags?: readonly string[]): void;
    getWebSockets(tag?: string): SleepingWebSocket[];
    getTags(socket: SleepingWebSocket): string[];
    setWebSocketAutoResponse(pair: WebSocketRequestResponsePair): void;
    getWebSocketAutoResponseTimestamp(socket: SleepingWebSocket): Date | null;
    waitUntil(work: Promise<unknown>): void;
  }

  interface DurableObjectNamespace {
    getByName(name: string): { fetch(request: Request): Promise<Response> };
  }

  abstract class DurableObject<Env> {
    protected readonly ctx: DurableObjectState;
    protected readonly env: Env;
    constructor(ctx: DurableObjectState, env: Env);
  }
}
