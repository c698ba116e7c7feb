// JSON-RPC errors that are answered before, or without, the SDK.
export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export interface RpcError {
  readonly jsonrpc: "2.0";
  readonly error: { readonly code: number; readonly message: string; readonly data?: unknown };
  readonly id: string | number | null;
}

export function rpcError(
  code: number,
  message: string,
  id: string | number | null = null,
  data?: unknown,
): RpcError {
  return { jsonrpc: "2.0", error: { code, message, ...(data !== undefined && { data }) }, id };
}
