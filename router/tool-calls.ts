// REST calls of tools: the body's shape, the call, the answer's shape. The two surfaces of the old server differ in
// details that its callers see, so the answer is written by a Style.
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { errorBody, errorMarks, errorStatus, errorText, ToolError, toToolError } from "../shared/errors.ts";
import type { Block } from "../shared/fields.ts";
import { uploadDataset } from "../shared/tools/datasets.ts";
import type { Backend } from "./backend.ts";
import { BodyTooLarge, MAX_BODY_BYTES, MAX_UPLOAD_BODY_BYTES, readJsonBody } from "./json-body.ts";
import { withLinkFor } from "./link-instead.ts";
import { prettyBlock, restBlocks } from "./render.ts";

export interface RestAnswer {
  readonly status: ContentfulStatusCode;
  readonly body: Readonly<Record<string, unknown>>;
}

/** How a surface writes a result and a failure. */
export interface Style {
  result(content: readonly Block[], isError: boolean): Record<string, unknown>;
  /** Are `result` and `error` there as null when they are empty? */
  readonly nulls: boolean;
}

/** standalone and client mode: `/mcp/execute`. */
export const MCP_STYLE: Style = {
  nulls: true,
  result: (content, isError) => ({ content, ...(isError && { isError }) }),
};

/** server mode: `/execute` and `/tools/NAME/call`. */
export const SERVER_STYLE: Style = {
  nulls: false,
  result: (content, isError) => ({ content, is_error: isError }),
};

/** `text`: what stands in `error`, where the old server's sentence had no prefix. */
export function failure(style: Style, error: ToolError, text = errorText(error)): RestAnswer {
  // A soft error keeps the body that callers of the old server parse out of the text block.
  const result = error.body ? style.result([prettyBlock(errorBody(error))], true) : null;
  return {
    status: errorStatus(error) as ContentfulStatusCode, // the error list holds no 1xx, 204 or 304
    body: {
      success: false,
      ...((style.nulls || result) && { result }),
      error: text,
      ...errorMarks(error),
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface RestCall {
  /** undefined: the body names none. */
  readonly tool: string | undefined;
  readonly args: unknown;
}

/**
 * The call that a request asks for. `named` is the tool in the path, where there is one.
 * @throws ToolError invalid_input, too_large
 */
export async function readCall(request: Request, named?: string): Promise<RestCall> {
  const mayUpload = named === undefined || named === uploadDataset.name;
  const { value, bytes } = await readJsonBody(request, mayUpload ? MAX_UPLOAD_BODY_BYTES : MAX_BODY_BYTES);
  const body = isObject(value) ? value : {};
  const tool = named ?? body["tool"];
  if (bytes > MAX_BODY_BYTES && tool !== uploadDataset.name) throw new BodyTooLarge(MAX_BODY_BYTES);
  const args = body["arguments"] ?? body["parameters"] ?? {};
  return { tool: typeof tool === "string" ? tool : undefined, args };
}

export interface CallHooks {
  readonly onBug: (thrown: unknown) => void;
}

export async function answerCall(
  backend: Backend,
  style: Style,
  request: Request,
  named: string | undefined,
  { onBug }: CallHooks,
): Promise<RestAnswer> {
  try {
    const { tool, args } = await readCall(request, named).catch(withLinkFor(backend, request));
    if (tool === undefined) {
      const text = "Missing 'tool' field in request";
      return failure(style, new ToolError("invalid_input", text), text);
    }
    if (!(await backend.hasTool(tool))) {
      return failure(style, new ToolError("not_found", `Tool '${tool.slice(0, 200)}' not found`));
    }
    const answer = await backend.call(tool, args, { signal: request.signal });
    const result = style.result(restBlocks(answer), false);
    return { status: 200, body: { success: true, result, ...(style.nulls && { error: null }) } };
  } catch (thrown) {
    const error = toToolError(thrown);
    if (error.code === "internal") onBug(thrown);
    return failure(style, error);
  }
}
