import { expect, test } from "vitest";
import { calledAs, calledByRoot, type Start } from "./called.ts";

const start = (file: string, more: Partial<Start> = {}): Start => ({
  argv0: "node",
  execArgv: [],
  execPath: "/usr/bin/node",
  argv: ["/usr/bin/node", file],
  folder: "/home/me/clone",
  env: { PATH: "/home/me/.nvm/bin:/usr/bin" },
  ...more,
});
const NPX = "/home/me/.npm/_npx/2f6cf6c9/node_modules/.bin/mcp-ai-toolkit";
const fromNpm = { npm_lifecycle_event: "start", npm_package_name: "mcp-ai-toolkit" };

test.each<[string, Start, string]>([
  ["from the clone's folder", start("/home/me/clone/dist/bin.js"), "node dist/bin.js"],
  ["from elsewhere", start("/srv/my clone/dist/bin.js"), "node '/srv/my clone/dist/bin.js'"],
  [
    "by a Node that no PATH has, with an option",
    start("/home/me/clone/agent/main.ts", { argv0: "/opt/n/node", execArgv: ["--env-file=.env"] }),
    "/opt/n/node --env-file=.env agent/main.ts",
  ],
  ["by npm start", start("/home/me/clone/agent/main.ts", { env: fromNpm }), "npm start --"],
  [
    "by npm start of another project",
    start("/home/me/clone/node_modules/.bin/mcp-ai-toolkit", {
      env: { ...fromNpm, npm_package_name: "mine" },
    }),
    "npx mcp-ai-toolkit",
  ],
  ["by npx", start(NPX, { env: { npm_command: "exec" } }), "npx mcp-ai-toolkit"],
  [
    "by npx from a file",
    start(NPX, { env: { npm_command: "exec", npm_config_package: "./it-0.2.0.tgz" } }),
    "npx --package ./it-0.2.0.tgz mcp-ai-toolkit",
  ],
  ["from npm install --global", start("/usr/bin/mcp-ai-toolkit"), "mcp-ai-toolkit"],
  ["from a folder that is not in the PATH", start("/opt/it/mcp-ai-toolkit"), "node /opt/it/mcp-ai-toolkit"],
  ["as the service", start("/opt/mcp-ai-toolkit/current/dist/bin.js"), "mcp-ai-toolkit"],
])("%s", (_how, from, called) => {
  expect(calledAs(from)).toBe(called);
});

test.each<[string, Start, string]>([
  ["the system's Node", start("/home/me/clone/dist/bin.js"), "sudo node dist/bin.js"],
  [
    "a Node of the person's own",
    start("/home/me/clone/dist/bin.js", { execPath: "/home/me/.nvm/bin/node" }),
    'sudo env "PATH=$PATH" node dist/bin.js',
  ],
  ["a command for all", start("/usr/bin/mcp-ai-toolkit", { execPath: "/opt/n/node" }), "sudo mcp-ai-toolkit"],
  [
    "a command of the person's own",
    start("/home/me/.nvm/bin/mcp-ai-toolkit"),
    'sudo env "PATH=$PATH" mcp-ai-toolkit',
  ],
  [
    "the service's",
    start("/opt/mcp-ai-toolkit/current/dist/bin.js", { execPath: "/opt/mcp-ai-toolkit/versions/1/bin/node" }),
    "sudo mcp-ai-toolkit",
  ],
])("root finds %s", (_what, from, called) => {
  expect(calledByRoot(from)).toBe(called);
});
