// Who may dial in, and how a machine ends that may not: with real processes.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { CLOSE, VERSIONS } from "../../shared/protocol.ts";
import { shell } from "../testing/curl.ts";
import { runProgram, startProgram } from "../testing/program.ts";
import { AGENT_TOKEN, CLIENT_TOKEN, connected, startAgent, startRouter } from "../testing/routed.ts";
import { startStdio } from "../testing/stdio.ts";
import { subjectOf } from "../testing/subject.ts";
import { EXIT_REFUSED } from "./running.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const PATIENCE = { timeout: 20_000, interval: 25 };
const WRONG = { MCP_AI_TOOLKIT_AGENT_TOKEN: "a-token-of-another-router" };

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});
function closing<T extends { close(): Promise<void> }>(each: T): T {
  opened.push(each);
  return each;
}

test("a wrong token ends an agent with exit code 78 and one line that says why", async () => {
  const router = closing(await startRouter());
  const agent = closing(await startAgent(router.url, "box", { env: WRONG }));
  expect(await agent.exited).toBe(EXIT_REFUSED);
  expect(
    agent.log().match(/the router refuses this machine: the router does not take this agent token/g),
  ).toHaveLength(1);
  expect(agent.log()).not.toContain(WRONG.MCP_AI_TOOLKIT_AGENT_TOKEN);
});

const limits = { frame_bytes: 1_000_000, open_calls: 10 };
const TOO_NEW = { t: "welcome", version: VERSIONS.max + 1, name: "box", router_version: "9", limits };

test.each([
  ["too old for it", (socket: WebSocket) => socket.close(CLOSE.version, "the agent speaks protocol 0 to 0")],
  ["too new for it", (socket: WebSocket) => socket.send(JSON.stringify(TOO_NEW))],
])("an agent whose router is %s does not try again: it ends with exit code 78", async (_what, answer) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  closing({ close: async () => void server.close() });
  let dialled = 0;
  server.on("connection", (socket) => {
    dialled++;
    socket.once("message", () => answer(socket));
  });
  const { port } = server.address() as AddressInfo;
  const agent = closing(await startAgent(`http://127.0.0.1:${port}`, "box"));
  expect(await agent.exited).toBe(EXIT_REFUSED);
  expect(agent.log()).toMatch(/the router refuses this machine: the (agent|router) speaks protocol/);
  expect(dialled).toBe(1);
});

test("another mode that the router refuses says so, and goes on without it", async () => {
  const router = closing(await startRouter());
  const program = closing(await startProgram({ args: ["--router", router.url], env: WRONG }));
  await vi.waitFor(() => expect(program.log()).toContain("the router refuses this machine"), PATIENCE);
  expect(await subjectOf(program).call("list_configs")).toMatchObject({ configs: [] });
});

test("REST on the LAN and MCP on stdin serve a router, too, when they are told of one", async () => {
  const router = closing(await startRouter());
  const env = { MCP_AI_TOOLKIT_AGENT_TOKEN: AGENT_TOKEN };
  const args = ["--router", router.url, "--name"];
  const server = closing(await startProgram({ args: ["--mode", "server", ...args, "lan"], env }));
  await connected(server);
  const stdio = closing(await startStdio({ args: [...args, "desk"], env }));
  const { call } = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: server.data });
  for (const machine of ["lan", "desk"]) {
    await vi.waitFor(
      async () => expect(await call("list_configs", { machine })).toMatchObject({ machine }),
      PATIENCE,
    );
  }
  expect(await stdio.call("list_configs")).toMatchObject({ configs: [] });
});

test("a machine that has joined needs no further words, until its credential is revoked", async () => {
  const router = closing(await startRouter());
  const owner = ["--data", router.data];
  const env = { HOME: router.data };
  const { stdout: code } = await runProgram(["router", "pair", ...owner], { env });
  const box = closing(await startProgram()); // for its folder
  const joined = await runProgram(
    ["join", router.url, "--name", "box222", "--code", code.trim(), "--data", box.data],
    { env },
  );
  expect(joined).toMatchObject({ code: 0 });
  const agent = closing(await startProgram({ command: "agent", data: box.data }));
  await connected(agent);
  const { call } = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: box.data });
  expect(await call("list_machines")).toMatchObject({ machines: [{ name: "box222", online: true }] });

  const { token } = JSON.parse(await readFile(join(box.data, ".mcp-ai-toolkit/router.json"), "utf8")) as {
    token: string;
  };
  const [, id = ""] = token.split("_");
  expect(await runProgram(["token", "revoke", id, ...owner], { env })).toMatchObject({ code: 0 });
  expect(await agent.exited).toBe(EXIT_REFUSED);
  expect(agent.log()).toContain("the agent's token was revoked");
  const again = closing(await startProgram({ command: "agent", data: box.data }));
  expect(await again.exited).toBe(EXIT_REFUSED);
});

test.each([
  [["agent"], /has not joined a router yet/],
  [["agent", "--router", "https://router.example"], /needs --agent-token-file/],
  [["--router", "http://router.example"], /use https/],
  [["--router", "router.example"], /must be a router's address/],
  [["--name", "My Box"], /small letters, digits and hyphens/],
  [["--heartbeat", "0"], /--heartbeat must be a number of seconds/],
  [["router", "--port", "x"], /--port must be a number/],
  [["router", "--nonsense"], /unknown option/],
])("%j ends with 2 and says what is wrong", async (args, message) => {
  const ran = await runProgram([...args, ...(args[0] === "router" ? [] : ["--data", "/nonexistent/x"])]);
  expect(ran.code).toBe(2);
  expect(ran.stderr).toMatch(message);
});

test("a router lets nobody in without a token, not even on loopback, and says how to make one", async () => {
  const router = closing(await startProgram({ command: "router" }));
  const stranger = subjectOf({ url: router.url, data: router.data });
  expect((await stranger.send("/mcp/tools")).status).toBe(401);
  expect((await stranger.send("/health")).status).toBe(200);
  const [, line = ""] = /make a token: ([^"]+)/.exec(router.log()) ?? [];
  const made = await shell(line.replace("--scope admin", "--scope read"), process.cwd());
  expect(made.code, made.stderr).toBe(0);
  const friend = subjectOf({ url: router.url, token: made.stdout.trim(), data: router.data });
  expect((await friend.send("/mcp/tools")).status).toBe(200);
  expect((await friend.execute("start_training", { config_name: "x" })).code).toBe("forbidden");
});
