// Messages as scripts and clients written for the old server send them.
import type { JSONRPCMessage } from "@modelcontextprotocol/server";

type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function idOf(message: unknown): string | number | null {
  const id = isObject(message) ? message["id"] : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

const OLDEST_VERSION = "2024-11-05";

/**
 * Mends what the old server let pass: `jsonrpc` of any value, `id: null` on notifications, `initialize` without
 * params, `arguments` that are no object. Undefined when it is no JSON-RPC message at all.
 */
export function normalise(message: unknown): JSONRPCMessage | undefined {
  if (!isObject(message) || message["jsonrpc"] === undefined || typeof message["method"] !== "string")
    return undefined;
  const id = idOf(message);
  if (id === null && message["id"] !== undefined && message["id"] !== null) return undefined;
  const params = isObject(message["params"]) ? message["params"] : undefined;
  const mended = (() => {
    switch (message["method"]) {
      case "initialize":
        return {
          protocolVersion: OLDEST_VERSION,
          capabilities: {},
          clientInfo: { name: "unknown", version: "0" },
          ...params,
        };
      case "tools/call":
        return params && { ...params, arguments: isObject(params["arguments"]) ? params["arguments"] : {} };
      default:
        return params;
    }
  })();
  return {
    jsonrpc: "2.0",
    method: message["method"],
    ...(id !== null && { id }),
    ...(mended && { params: mended }),
  } as JSONRPCMessage; // `params` is checked by the SDK per method
}
