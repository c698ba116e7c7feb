// Jobs, configs, data sets and models under addresses of their own.
import type { Resource } from "@modelcontextprotocol/server";
import { invalid } from "../../shared/errors.ts";
import type { Backend } from "../backend.ts";
import type { ResourcePage, Resources } from "../mcp/features.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { read } from "./readers.ts";
import { templates } from "./templates.ts";
import { listThings, type Thing } from "./things.ts";

const PAGE = 100;
const MIME_TYPES = {
  job: "application/json",
  config: "application/yaml",
  dataset: "application/json",
  model: "application/json",
} as const;

export function trainingResources(backend: Backend): Resources {
  return {
    templates: () => templates(backend.machines?.() ?? []),

    async list(cursor, { mcpReq: { signal } }) {
      const from = cursor === undefined ? 0 : positionIn(cursor);
      const asking = { backend, signal };
      const kinds = ["job", "config", "dataset", "model"] as const;
      const things = (await Promise.all(kinds.map((kind) => listThings(asking, kind)))).flat();
      return pageOf(things, from);
    },

    async read(uri, { mcpReq: { signal } }) {
      const address = parseAddress(uri);
      const contents = address && (await read({ backend, signal }, address));
      return contents?.map((content) => ({ uri, ...content }));
    },
  };
}

function pageOf(things: readonly Thing[], from: number): ResourcePage {
  const next = from + PAGE;
  return {
    resources: things.slice(from, next).map(resourceOf),
    ...(next < things.length && { nextCursor: String(next) }),
  };
}

function resourceOf({ kind, name, description, machine }: Thing): Resource {
  return {
    uri: formatAddress({ kind, name, part: "", machine: kind === "job" ? undefined : machine }),
    name,
    description: machine === undefined ? description : `${description}, on ${machine}`,
    mimeType: MIME_TYPES[kind],
  };
}

/** @throws ToolError invalid_input */
function positionIn(cursor: string): number {
  if (!/^\d{1,7}$/.test(cursor)) throw invalid("This cursor is not from resources/list");
  return Number(cursor);
}
