// contract.md §2.5: MCP here, the tools at another server, ours or the old one.
import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { HttpAgent } from "../../router/http-agent.ts";
import { parseToolResult } from "../testing/caller.ts";
import { contractSuite } from "../testing/contract.suite.ts";
import { type OldServer, startOldServer } from "../testing/old-server.ts";
import { type Program, runProgram, startProgram } from "../testing/program.ts";
import { type Subject, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const behindRest = "a back end that is reached over REST has text only";
for (const [mode, skip] of [
  [
    "server",
    { "MCP results": behindRest, "large models": "140 MB twice; nothing in between knows of sizes" },
  ],
  [
    "standalone",
    {
      "MCP results": behindRest,
      ...Object.fromEntries(
        ["configs", "datasets", "models", "large models", "paths", "doors", "hostile input"].map(
          (chapter) => [chapter, "as in front of server mode"],
        ),
      ),
    },
  ],
] as const) {
  contractSuite(
    `client mode in front of our ${mode} mode`,
    async () => {
      const backend = await startProgram({ args: ["--mode", mode] });
      const program = await startClient(backend.url, backend.data);
      return {
        url: program.url,
        data: backend.data,
        async close() {
          await program.close();
          await backend.close();
        },
      };
    },
    { skip },
  );
}

const startClient = (backendUrl: string, data?: string): Promise<Program> =>
  startProgram({
    args: ["--mode", "client", "--backend-url", backendUrl],
    ...(data !== undefined && { data }),
  });

describe.each(["server", "standalone"] as const)(
  "D17: client mode in front of the old server in %s mode",
  (kind) => {
    let old: OldServer;
    let program: Program;
    let client: Subject;
    beforeAll(async () => {
      old = await startOldServer(kind);
      program = await startClient(`${old.url}/`); // the slash at the end is taken off
      client = subjectOf(program);
    });
    afterAll(async () => {
      await program?.close();
      await old?.close();
    });
    const tool = async (name: string, args: object = {}) => {
      const { result } = await client.rpc("tools/call", { name, arguments: args });
      return parseToolResult(result);
    };

    test("lists its tools on every surface", async () => {
      const names = old.tools;
      const rest = (await client.send("/mcp/tools")).json["tools"] as { name: string; parameters: object }[];
      expect(rest.map(({ name }) => name)).toEqual(names);
      expect(rest[0]?.parameters).toEqual({ type: "object", properties: { name: { type: "string" } } });
      const { result } = await client.rpc("tools/list");
      expect(result).toMatchObject({
        tools: names.map((name) => ({ name, inputSchema: { type: "object" } })),
      });
      expect((await client.send("/mcp/capabilities")).json).toMatchObject({
        capabilities: { tools: { count: names.length } },
      });
    });

    test("does not call healthy what says nothing about itself", async () => {
      expect((await client.send("/health")).json).toMatchObject({ status: "degraded", server: "ai-toolkit" });
    });

    test("passes a result on as it came", async () => {
      const expected = { content: [{ type: "text", text: '{\n  "configs": [\n    "a"\n  ]\n}' }] };
      expect(await tool("list_configs")).toEqual(expected);
      expect((await client.send("/mcp/execute", { body: { tool: "list_configs" } })).json).toEqual({
        success: true,
        result: expected,
        error: null,
      });
      expect(JSON.stringify(await tool("get_config", { name: "gone" }))).toContain("Configuration not found");
    });

    test("passes arguments on", async () => {
      await tool("list_configs", { name: "given" });
      expect(old.requests.at(-1)).toContain('"arguments":{"name":"given"}');
    });

    test.each([
      ["create_training_config", "Invalid parameters: Missing 'name' parameter", "invalid_input"],
      ["delete_config", "Internal error: Failed to delete config: permission denied", "internal"],
      ["panics", "panicked during execution", undefined],
      ["silent", "Unknown error", undefined],
    ])("a failure of %s keeps its sentence", async (name, sentence, code) => {
      const { isError, content } = await tool(name);
      expect(isError).toBe(true);
      expect(JSON.stringify(content)).toContain(sentence);
      expect(JSON.stringify(content).split("Invalid parameters: ").length).toBeLessThan(3);
      const reply = await client.execute(name);
      expect(reply).toMatchObject({ success: false, error: expect.stringContaining(sentence) });
      if (code) expect(reply.code).toBe(code);
    });

    test("passes text and pictures on, and leaves other blocks out", async () => {
      expect((await tool("picture")).content).toEqual([
        { type: "text", text: "look" },
        { type: "image", data: "aGk=", mimeType: "image/png" },
      ]);
    });

    test("shows a result without blocks, and OK for none", async () => {
      expect((await tool("bare")).content).toEqual([{ type: "text", text: '{\n  "answer": 42\n}' }]);
      expect((await tool("nothing")).content).toEqual([{ type: "text", text: "OK" }]);
    });

    test("a tool that nobody has is a 404", async () => {
      expect(await client.execute("no_such")).toMatchObject({
        status: 404,
        error: "Tool 'no_such' not found",
      });
    });

    test("a tool that came later is found, and the list has it", async () => {
      old.tools = [...old.tools, "added_later"];
      expect((await client.execute("added_later")).json).toEqual({ late: true });
      expect((await client.send("/mcp/tools")).text).toContain("added_later");
    });
  },
);

test("when the back end goes, calls fail with what to do, the list stays, and all is well when it is back", async () => {
  const backend = await startProgram({ args: ["--mode", "server"] });
  onTestFinished(() => backend.close());
  const program = await startClient(backend.url);
  onTestFinished(() => program.close());
  const client = subjectOf(program);
  await backend.stop();
  expect(await client.execute("list_configs")).toMatchObject({
    status: 503,
    success: false,
    code: "agent_offline",
    error: expect.stringContaining("Proxy error: "),
    hint: expect.stringContaining("--backend-url"),
  });
  expect((await client.send("/mcp/tools")).text).toContain("start_training");
  expect((await client.send("/health")).json).toMatchObject({ status: "degraded" });
  const port = new URL(backend.url).port;
  // In the other mode: the way to call its tools is another one, too.
  const again = await startProgram({ data: backend.data, args: ["--mode", "standalone", "--port", port] });
  onTestFinished(() => again.close());
  expect(await client.call("list_configs")).toMatchObject({ configs: [] });
});

test("a back end's token is sent, and needed", async () => {
  const token = "0123456789abcdef0123456789abcdef";
  const backend = await startProgram({ args: ["--mode", "server"], env: { MCP_AI_TOOLKIT_TOKEN: token } });
  onTestFinished(() => backend.close());
  const args = ["--mode", "client", "--port", "0", "--backend-url", backend.url];
  const refused = await runProgram(args);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("--backend-token");
  const program = await startProgram({
    args: args.slice(0, 2).concat(args.slice(4)),
    env: { MCP_AI_TOOLKIT_BACKEND_TOKEN: token },
  });
  onTestFinished(() => program.close());
  expect(await subjectOf(program).call("list_configs")).toMatchObject({ configs: [] });
  expect(program.log() + (await subjectOf(program).send("/health")).text).not.toContain(token);
});

describe("a client that cannot start ends with 1 and says why", () => {
  const start = (url: string) => runProgram(["--mode", "client", "--port", "0", "--backend-url", url]);

  test("nobody there", async () => {
    const { code, stderr } = await start("http://127.0.0.1:9");
    expect(code).toBe(1);
    expect(stderr).toContain(
      "Internal error: Failed to fetch backend tools: Proxy error: http://127.0.0.1:9 cannot be reached",
    );
  });

  test("somebody else there", async () => {
    const other = createServer((_request, response) => response.end("<html>hello</html>")).listen(
      0,
      "127.0.0.1",
    );
    onTestFinished(() => void other.close());
    await vi.waitFor(() => expect(other.address()).not.toBeNull(), 20_000);
    const { code, stderr } = await start(`http://127.0.0.1:${(other.address() as { port: number }).port}`);
    expect(code).toBe(1);
    expect(stderr).toContain("Internal error: Failed to fetch backend tools: ");
    expect(stderr).toContain("answered HTTP 200 without a list of tools");
  });
});

describe("the limits of a call, which the old client did not have (D17)", () => {
  const open = async (options: object) => {
    const old = await startOldServer("server");
    onTestFinished(() => old.close());
    return { old, agent: new HttpAgent({ url: old.url, ...options }) };
  };

  test("a back end that does not answer is given up", async () => {
    const { old, agent } = await open({ timeoutMs: 200 });
    await agent.refresh();
    old.tools = [...old.tools, "hangs"];
    await expect(agent.call("hangs", {}, {})).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("0.2 s"),
    });
  });

  test("a caller that leaves ends the call", async () => {
    const { agent } = await open({});
    await agent.refresh();
    const left = new AbortController();
    const call = agent.call("hangs", {}, { signal: left.signal });
    left.abort();
    await expect(call).rejects.toMatchObject({ code: "cancelled" });
  });

  test("the list is fetched again once it is old, and kept when that fails", async () => {
    let now = 0;
    const { old, agent } = await open({ toolsMaxAgeMs: 1_000, now: () => now });
    const names = async () => (await agent.tools()).map(({ name }) => name);
    const before = await names();
    old.tools = [...old.tools, "added_later"];
    now = 999;
    expect(await names()).toEqual(before);
    now = 1_000;
    expect(await names()).toEqual([...before, "added_later"]);
    await old.close();
    now = 9_000;
    expect(await names()).toEqual([...before, "added_later"]);
  });
});
