// resources/*: what can be read under an address of its own.
import { ResourceNotFoundError, type Server } from "@modelcontextprotocol/server";
import { protocolError } from "./failure.ts";
import type { Resources } from "./features.ts";

/** No address of ours is longer; what is, is not looked at. */
const URI_MAX = 2_000;

export function serveResources(
  server: Server,
  resources: Resources,
  onError?: (error: unknown) => void,
): void {
  server.setRequestHandler("resources/list", async ({ params }, context) => {
    try {
      const { resources: page, nextCursor } = await resources.list(params?.cursor, context);
      return { resources: [...page], ...(nextCursor !== undefined && { nextCursor }) };
    } catch (thrown) {
      throw protocolError(thrown, onError);
    }
  });
  server.setRequestHandler("resources/templates/list", async () => ({
    resourceTemplates: [...resources.templates()],
  }));
  server.setRequestHandler("resources/read", async ({ params: { uri } }, context) => {
    try {
      const found = uri.length > URI_MAX ? undefined : await resources.read(uri, context);
      if (found === undefined) throw new ResourceNotFoundError(uri.slice(0, URI_MAX));
      return Array.isArray(found) ? { contents: found } : found;
    } catch (thrown) {
      throw protocolError(thrown, onError);
    }
  });
}
