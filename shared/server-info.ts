// Who we say we are, on every surface: MCP serverInfo, REST health, --version. The name is the old server's.
import pkg from "../package.json" with { type: "json" };

export const SERVER_NAME = "ai-toolkit";
export const SERVER_VERSION: string = pkg.version;
export const SERVER_DESCRIPTION = "ai-toolkit MCP Server";
