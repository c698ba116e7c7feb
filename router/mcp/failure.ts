// Failures of what is no tool. A failed tool is a result that a model reads; everything else fails as a JSON-RPC error.
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import { type ErrorCode, errorText, toToolError } from "../../shared/errors.ts";

/** The caller's own mistakes; anything else is the server's. */
const INVALID: ReadonlySet<ErrorCode> = new Set(["invalid_input", "not_found"]);

/** Any thrown value as what the SDK answers with. `onError` is told of bugs, whose details the client does not get. */
export function protocolError(thrown: unknown, onError?: (error: unknown) => void): ProtocolError {
  if (thrown instanceof ProtocolError) return thrown;
  const error = toToolError(thrown);
  if (error.code === "internal") onError?.(thrown);
  const { code, hint } = error;
  return new ProtocolError(
    INVALID.has(code) ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError,
    errorText(error),
    { code, ...(hint && { hint }) },
  );
}
