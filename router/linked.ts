// A back end as one request's client reaches it: what the machine says as a path becomes a URL that this client can use.
import { ToolError } from "../shared/errors.ts";
import { FILES_PATH } from "../shared/file-links.ts";
import { uploadDataset } from "../shared/tools/datasets.ts";
import { downloadModel } from "../shared/tools/models.ts";
import { createDownloadLink, createUploadLink } from "../shared/tools/transfers.ts";
import type { Backend, ToolAnswer } from "./backend.ts";
import { callWithLink } from "./link-instead.ts";

const LINK_TOOLS: ReadonlySet<string> = new Set([createDownloadLink.name, createUploadLink.name]);
/** Those that may have to point to a link. */
const FILE_TOOLS: ReadonlySet<string> = new Set([downloadModel.name, uploadDataset.name]);

/**
 * @param base of all URLs; undefined where nobody can reach us by HTTP
 * @param onLink told of each link that is given out, as a path, and when it expires
 */
export function linked(
  backend: Backend,
  base: string | undefined,
  onLink?: (path: string, expiresAt: string) => void,
): Backend {
  const view: Backend = {
    tools: () => backend.tools(),
    hasTool: (name) => backend.hasTool(name),
    health: () => backend.health(),
    machines: () => backend.machines?.() ?? [],
    async call(tool, args, options) {
      if (base !== undefined && FILE_TOOLS.has(tool))
        return callWithLink(view, backend.call(tool, args, options), tool, args, options);
      if (!LINK_TOOLS.has(tool)) return backend.call(tool, args, options);
      if (base === undefined) throw noAddress();
      return withBase(await backend.call(tool, args, options), base, onLink);
    },
  };
  return view;
}

/** Links of a back end further behind us are URLs already. */
function withBase(answer: ToolAnswer, base: string, onLink?: Parameters<typeof linked>[2]): ToolAnswer {
  if (answer.kind !== "json") return answer;
  const path = answer.output["url"];
  if (typeof path !== "string" || !path.startsWith(FILES_PATH)) return answer;
  onLink?.(path, String(answer.output["expires_at"]));
  const entries = Object.entries(answer.output).map(([key, value]) => [
    key,
    typeof value === "string" ? value.replaceAll(path, base + path) : value,
  ]);
  return { kind: "json", output: Object.fromEntries(entries) };
}

function noAddress(): ToolError {
  return new ToolError("conflict", "Links need an address, and this server listens on none", {
    hint: "Start it as mcp-ai-toolkit --mode standalone, or with --router URL and --public-url URL",
  });
}
