// prompts/*: requests that a person picks from a menu.
import { ProtocolError, ProtocolErrorCode, type Server } from "@modelcontextprotocol/server";
import { protocolError } from "./failure.ts";
import type { Prompts } from "./features.ts";

export function servePrompts(server: Server, prompts: Prompts, onError?: (error: unknown) => void): void {
  server.setRequestHandler("prompts/list", async () => ({ prompts: [...prompts.list] }));
  server.setRequestHandler("prompts/get", async ({ params }, context) => {
    const { name, arguments: args = {} } = params;
    const prompt = prompts.list.find((each) => each.name === name);
    if (!prompt) throw invalid(`Prompt not found: ${name.slice(0, 200)}`);
    const missing = prompt.arguments?.find((each) => each.required && !args[each.name]?.trim());
    if (missing) throw invalid(`Missing argument '${missing.name}' of the prompt ${name}`);
    try {
      return await prompts.get(name, args, context);
    } catch (thrown) {
      throw protocolError(thrown, onError);
    }
  });
}

const invalid = (message: string) => new ProtocolError(ProtocolErrorCode.InvalidParams, message);
