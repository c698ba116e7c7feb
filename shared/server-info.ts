// Who we say we are, on every surface: MCP serverInfo, REST health, --version. The name is the old server's.
import pkg from "../package.json" with { type: "json" };

export const SERVER_NAME = "ai-toolkit";
export const SERVER_VERSION: string = pkg.version;
export const SERVER_DESCRIPTION = "ai-toolkit MCP Server";
export const SERVER_TITLE = "ai-toolkit LoRA training";
/** Under which registries know it. */
export const SERVER_ID: string = pkg.mcpName;
/** For registries and server cards, which take a hundred characters. */
export const SERVER_SUMMARY =
  "Train LoRAs with ostris/ai-toolkit on your GPU machine: data sets, configs, runs, samples, models";

/** A falling loss, and the checkpoint at its end. */
const ICON_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#7c3aed" stroke-width="2"><path d="M3 3v18h18M6 6c3 9 6 11 11 11"/><circle cx="19" cy="17" r="2"/></svg>';
export const SERVER_ICON = {
  src: `data:image/svg+xml,${encodeURIComponent(ICON_SVG)}`,
  mimeType: "image/svg+xml",
  sizes: ["any"],
};
