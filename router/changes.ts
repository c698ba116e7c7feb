// What clients may listen to, told to those that listen now. The SDK has such a bus; it would have to be loaded before
// anybody speaks MCP.
import type { ServerEvent, ServerEventBus } from "@modelcontextprotocol/server";

/** Lists that may become others while a client is there. */
export type Changing = "tools" | "prompts" | "resources";

export class Changes implements ServerEventBus {
  readonly kinds: ReadonlySet<Changing>;
  readonly #listeners = new Set<(event: ServerEvent) => void>();

  /** @param kinds all that will ever be told of: clients are promised them */
  constructor(kinds: readonly Changing[]) {
    this.kinds = new Set(kinds);
  }

  publish(event: ServerEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  subscribe(listener: (event: ServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
