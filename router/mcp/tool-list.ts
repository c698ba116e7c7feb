// The tools of a list, each copied and written down once: their schemas make up nearly all of what a list costs.
import type { ListedTool } from "../backend.ts";
import { isObject } from "./legacy-message.ts";

/** The SDK types its lists as mutable; ours are shared by all requests and never changed. */
function copyOf({ inputSchema, outputSchema, annotations, _meta, ...tool }: ListedTool) {
  return {
    ...tool,
    inputSchema: { ...inputSchema },
    ...(outputSchema && { outputSchema: { ...outputSchema } }),
    ...(annotations && { annotations: { ...annotations } }),
    ...(_meta && { _meta: { ..._meta } }),
  };
}

const copies = new WeakMap<ListedTool, ReturnType<typeof copyOf>>();
const texts = new WeakMap<object, string>();

/** As the SDK takes it; the same for the same tool. */
export function sdkTool(tool: ListedTool): ReturnType<typeof copyOf> {
  const copy = copies.get(tool) ?? copyOf(tool);
  copies.set(tool, copy);
  return copy;
}

/** @param tools of which none is ever changed */
export function toolsText(tools: readonly object[]): string {
  const written = tools.map((tool) => {
    const text = texts.get(tool) ?? JSON.stringify(tool);
    texts.set(tool, text);
    return text;
  });
  return `[${written.join(",")}]`;
}

/** A JSON-RPC answer of the SDK as JSON. */
export function answerText(answer: unknown): string {
  const { result, ...rest } = isObject(answer) ? answer : {};
  const tools = isObject(result) && Object.keys(result).length === 1 ? result["tools"] : undefined;
  if (!Array.isArray(tools)) return JSON.stringify(answer);
  return `{"result":{"tools":${toolsText(tools)}},${JSON.stringify(rest).slice(1)}`;
}
