// What each client wants to be told, and where it looks for it. Sources: the vendors' own pages, named beside each.
import { join } from "node:path";
import { shellWord } from "../../shared/file-links.ts";
import { CALLED } from "../called.ts";
import { isPublic } from "./reach.ts";

export const CLIENTS = [
  "claude-code",
  "claude",
  "cursor",
  "vscode",
  "codex",
  "chatgpt",
  "inspector",
] as const;
export type Client = (typeof CLIENTS)[number];

export interface Connection {
  /** What the client calls the server. */
  readonly name: string;
  readonly url: URL;
  /** undefined: none is needed. */
  readonly token: string | undefined;
}

export interface Place {
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** Windows keeps applications' files here. */
  readonly appData: string | undefined;
}

export interface Setting {
  readonly format: "json" | "toml";
  readonly path: readonly string[];
  readonly value: Readonly<Record<string, unknown>>;
}

export interface Instructions {
  /** Lines for a person, before the configuration. */
  readonly say: readonly string[];
  /** A command that does it all. */
  readonly command?: string;
  /** The file, and what belongs into it; undefined for clients that are told by hand. */
  readonly file?: { readonly path: string; readonly settings: readonly Setting[] };
  /** Lines for afterwards. */
  readonly afterwards?: readonly string[];
}

const bearer = ({ token }: Connection) => (token === undefined ? undefined : `Bearer ${token}`);
const headers = (connection: Connection) => {
  const authorization = bearer(connection);
  return authorization === undefined ? {} : { headers: { Authorization: authorization } };
};
const mcpServers = (name: string, value: Setting["value"]): Setting => ({
  format: "json",
  path: ["mcpServers", name],
  value,
});

/** Where applications keep a person's settings. */
function applicationFolder({ home, platform, appData }: Place): string {
  if (platform === "darwin") return join(home, "Library/Application Support");
  return platform === "win32" ? (appData ?? join(home, "AppData/Roaming")) : join(home, ".config");
}

/** https://code.claude.com/docs/en/mcp */
function claudeCode(connection: Connection, { home }: Place): Instructions {
  const { name, url } = connection;
  const authorization = bearer(connection);
  const header =
    authorization === undefined ? "" : ` --header ${shellWord(`Authorization: ${authorization}`)}`;
  return {
    say: ["Run this where Claude Code is:"],
    command: `claude mcp add --transport http --scope user ${name} ${shellWord(url.href)}${header}`,
    file: {
      path: join(home, ".claude.json"),
      settings: [mcpServers(name, { type: "http", url: url.href, ...headers(connection) })],
    },
    afterwards: ["Then ask it: list my training data sets"],
  };
}

/** Web, phone and desktop call from Anthropic's cloud; the desktop's own file knows local programs only. */
function claude(connection: Connection, place: Place): Instructions {
  const { name, url } = connection;
  const authorization = bearer(connection);
  if (isPublic(url)) {
    return {
      say: [
        "In Claude (web, desktop; phones follow): Settings → Connectors → Add custom connector",
        `  name    ${name}`,
        `  URL     ${url.href}`,
        ...(authorization === undefined ? [] : [`  header  Authorization: ${authorization}`]),
        "Plans without a field for headers need OAuth: start the router with --oauth-issuer.",
      ],
    };
  }
  const plain = url.protocol === "http:" ? ["--allow-http"] : [];
  const args = ["-y", "mcp-remote", url.href, ...plain];
  // Blanks in an argument are lost on some systems, hence the variable: https://github.com/geelen/mcp-remote
  const value =
    authorization === undefined
      ? { command: "npx", args }
      : {
          command: "npx",
          args: [...args, "--header", `Authorization:\${AITOOLKIT_AUTHORIZATION}`],
          env: { AITOOLKIT_AUTHORIZATION: authorization },
        };
  return {
    say: [
      `claude.ai and the phone app call from Anthropic's cloud, which cannot reach ${url.host}: for them put a router`,
      "at a public https address (README, From anywhere). Claude Desktop reaches it from this machine, by a bridge:",
    ],
    file: {
      path: join(applicationFolder(place), "Claude/claude_desktop_config.json"),
      settings: [mcpServers(name, value)],
    },
    afterwards: ["Then quit Claude Desktop and start it again."],
  };
}

/** https://cursor.com/docs/mcp */
const cursor = (connection: Connection, { home }: Place): Instructions => ({
  say: ["For all projects:"],
  file: {
    path: join(home, ".cursor/mcp.json"),
    settings: [mcpServers(connection.name, { url: connection.url.href, ...headers(connection) })],
  },
  afterwards: ["Then see Cursor Settings → MCP: the server has a green dot."],
});

/** https://code.visualstudio.com/docs/copilot/reference/mcp-configuration */
function vscode({ name, url, token }: Connection, place: Place): Instructions {
  const id = `${name}-token`;
  const input = { type: "promptString", id, description: `Token of ${url.host}`, password: true };
  const server: Setting = {
    format: "json",
    path: ["servers", name],
    value: {
      type: "http",
      url: url.href,
      ...(token !== undefined && { headers: { Authorization: `Bearer \${input:${id}}` } }),
    },
  };
  return {
    say: ["For all workspaces:"],
    file: {
      path: join(applicationFolder(place), "Code/User/mcp.json"),
      // Inputs are a list; the one with our id is replaced, the others stay.
      settings: token === undefined ? [server] : [server, { format: "json", path: ["inputs"], value: input }],
    },
    afterwards:
      token === undefined
        ? []
        : ["VS Code asks for the token at the first start and keeps it in its own store:", `  ${token}`],
  };
}

/** https://developers.openai.com/codex/mcp */
function codex(connection: Connection, { home }: Place): Instructions {
  const { name, url } = connection;
  const authorization = bearer(connection);
  return {
    say: ["For CLI, IDE extension and app:"],
    file: {
      path: join(home, ".codex/config.toml"),
      settings: [
        {
          format: "toml",
          path: ["mcp_servers", name],
          value: {
            url: url.href,
            ...(authorization !== undefined && { http_headers: { Authorization: authorization } }),
          },
        },
      ],
    },
    afterwards: ["Then in Codex: /mcp shows the server and its tools."],
  };
}

/** Only OAuth, or nothing; and only from OpenAI's cloud. */
function chatgpt({ name, url }: Connection): Instructions {
  if (!isPublic(url)) {
    return {
      say: [
        `ChatGPT calls from OpenAI's cloud, which cannot reach ${url.host}: it needs a router at a public https address`,
        "(README, From anywhere), started with --oauth-issuer, for ChatGPT takes no tokens of ours. Then:",
        `  ${CALLED} connect chatgpt --url https://YOUR-ROUTER`,
      ],
    };
  }
  return {
    say: [
      "ChatGPT takes no static token: the router has to be started with --oauth-issuer (README, Security).",
      "In ChatGPT: Settings → Apps → Advanced settings → Developer mode on, then Create app",
      `  name            ${name}`,
      `  MCP server URL  ${url.href}`,
      "  authentication  OAuth",
    ],
  };
}

/** https://github.com/modelcontextprotocol/inspector */
function inspector(connection: Connection): Instructions {
  const authorization = bearer(connection);
  const header =
    authorization === undefined ? "" : ` --header ${shellWord(`Authorization: ${authorization}`)}`;
  return {
    say: ["Lists the tools:"],
    command: `npx @modelcontextprotocol/inspector --cli ${shellWord(connection.url.href)} --transport http --method tools/list${header}`,
  };
}

const INSTRUCTIONS: Readonly<Record<Client, (connection: Connection, place: Place) => Instructions>> = {
  "claude-code": claudeCode,
  claude,
  cursor,
  vscode,
  codex,
  chatgpt,
  inspector,
};

export const instructionsFor = (client: Client, connection: Connection, place: Place): Instructions =>
  INSTRUCTIONS[client](connection, place);

/** ChatGPT would do nothing with one. */
export const takesToken = (client: Client) => client !== "chatgpt";
