// What the suite reads by address.
import type { Resources } from "../../router/mcp/features.ts";
import { PNG } from "./fixture-media.ts";

const TEXT = { uri: "test://static-text", name: "Static text", mimeType: "text/plain" };
const BINARY = { uri: "test://static-binary", name: "Static binary", mimeType: "image/png" };
const WATCHED = { uri: "test://watched-resource", name: "Watched", mimeType: "text/plain" };
const TEMPLATE = /^test:\/\/template\/([^/]+)\/data$/;

export const resources: Resources = {
  templates: () => [
    { uriTemplate: "test://template/{id}/data", name: "Template", mimeType: "application/json" },
  ],
  list: async () => ({ resources: [TEXT, BINARY, WATCHED] }),
  async read(uri) {
    const [, id] = TEMPLATE.exec(uri) ?? [];
    if (id !== undefined) {
      const data = { id, templateTest: true, data: `Data for ID: ${id}` };
      return [{ uri, mimeType: "application/json", text: JSON.stringify(data) }];
    }
    switch (uri) {
      case TEXT.uri:
        return [{ ...TEXT, text: "This is the content of the static text resource." }];
      case BINARY.uri:
        return [{ ...BINARY, blob: PNG }];
      case WATCHED.uri:
        return [{ ...WATCHED, text: "This may change." }];
      default:
        return undefined;
    }
  },
};
