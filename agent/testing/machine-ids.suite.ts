// Whose a machine's id is, and what another machine gets by saying it. Each router's test runs it with real agents, and
// with a machine that was rightfully paired and lies.
import { once } from "node:events";
import { cp, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { machineTag } from "../../shared/file-links.ts";
import { CLOSE, type Hello, VERSIONS } from "../../shared/protocol.ts";
import { EXIT_REFUSED } from "../modes/running.ts";
import { pathsOf } from "../paths.ts";
import { newDataFolder, type Program, runProgram, startProgram } from "./program.ts";
import { AGENT_TOKEN, CLIENT_TOKEN, connected } from "./routed.ts";
import { putConfig, type Subject, subjectOf } from "./subject.ts";

const PATIENCE = { timeout: 20_000, interval: 25 };

export interface RestartableRouter {
  readonly url: string;
  /** Ends it and starts it again on its port, with what it remembers. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

interface Liar {
  /** The name under which it was welcomed, or why it was not. */
  readonly heard: string;
  readonly code: number | undefined;
  /** What it was asked for since. */
  readonly asked: readonly string[];
  leave(): Promise<void>;
}

/** A machine that says of itself what it likes, and answers whatever it is asked. */
async function lie(router: string, token: string, hello: Partial<Hello>): Promise<Liar> {
  const socket = new WebSocket(`${router.replace("http:", "ws:")}/agent`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const asked: string[] = [];
  const first = Promise.withResolvers<Pick<Liar, "heard" | "code">>();
  socket.on("close", (code, reason) => first.resolve({ heard: String(reason), code }));
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data)) as { t: string; id: number; tool: string; name: string };
    if (frame.t === "welcome") first.resolve({ heard: frame.name, code: undefined });
    if (frame.t !== "call") return;
    asked.push(frame.tool);
    const output =
      frame.tool === "file_request" ? { answer: { status: 200, headers: [], body: "a lie" } } : {};
    socket.send(JSON.stringify({ t: "result", id: frame.id, output }));
  });
  await once(socket, "open");
  const said: Hello = {
    versions: VERSIONS,
    name: "liar",
    machine_id: "of its own",
    instance: crypto.randomUUID(),
    agent_version: "0",
    tools: [],
    limits: { frame_bytes: 1_000_000, open_calls: 100 },
    ...hello,
  };
  socket.send(JSON.stringify({ t: "hello", ...said }));
  return {
    ...(await first.promise),
    asked,
    async leave() {
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.close();
      await once(socket, "close");
    },
  };
}

export function machineIdSuite(runtime: string, start: () => Promise<RestartableRouter>): void {
  describe(`machine ids: ${runtime}`, () => {
    let router: RestartableRouter;
    let owner: Subject;
    beforeAll(async () => {
      router = await start();
      owner = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: "" });
    }, 60_000);
    afterAll(() => router?.close());

    const opened: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const close of opened.splice(0).reverse()) await close();
    });

    async function code(): Promise<string> {
      const { json } = await owner.send("/admin/pairing", { method: "POST" });
      return String(json["code"]);
    }

    /** @returns the credential */
    async function pair(name: string): Promise<string> {
      const { json } = await owner.send("/join", { body: { code: await code(), name } });
      return String(json["secret"]);
    }

    async function liar(token: string, hello: Partial<Hello>): Promise<Liar> {
      const each = await lie(router.url, token, hello);
      opened.push(() => each.leave());
      return each;
    }

    const joinRouter = async (data: string, name: string) => {
      const args = ["join", router.url, "--name", name, "--code", await code(), "--data", data];
      expect(await runProgram(args)).toMatchObject({ code: 0 });
    };

    async function agentIn(data: string): Promise<Program> {
      const agent = await startProgram({ command: "agent", data });
      opened.push(() => agent.close());
      return agent;
    }

    interface Box {
      readonly agent: Program;
      readonly data: string;
      readonly machineId: string;
      readonly token: string;
    }

    /** A machine that has joined by its own command, and is connected. */
    async function box(name: string): Promise<Box> {
      const data = await newDataFolder();
      opened.push(() => rm(data, { recursive: true, force: true, maxRetries: 10 }));
      await joinRouter(data, name);
      const agent = await agentIn(data);
      await connected(agent);
      return { agent, data, ...(await factsOf(data)) };
    }

    async function factsOf(data: string) {
      const { machineId, state } = pathsOf({ data });
      const { token } = JSON.parse(await readFile(join(state, "router.json"), "utf8")) as { token: string };
      return { machineId: (await readFile(machineId, "utf8")).trim(), token };
    }

    const namesOf = async () => {
      const { machines } = await owner.call("list_machines");
      return (machines as { name: string; online: boolean }[]).map(({ name }) => name);
    };
    const isOnline = async (name: string) => {
      const { machines } = await owner.call("list_machines");
      return (machines as { name: string; online: boolean }[]).find((each) => each.name === name)?.online;
    };

    test("a paired machine that says another's id is turned away, and sees nothing of that one's", async () => {
      const { agent, data, machineId } = await box("honest");
      await putConfig(pathsOf({ data }), "secret", "job: extension\n");
      expect(await owner.call("list_configs", { machine: "honest" })).toMatchObject({ configs: ["secret"] });
      const link = await owner.call("create_download_link", {
        kind: "config",
        name: "secret",
        machine: "honest",
      });
      const path = String(link["url"]).slice(router.url.length);
      const theirs = await pair("rogue");
      const sameTag = `${machineTag(machineId)}-but-no-more`;
      const tries: Liar[] = [];
      const attack = async () => {
        for (const hello of [
          { machine_id: machineId },
          { machine_id: sameTag, versions: { min: 1, max: 1 } },
        ]) {
          const each = await liar(theirs, hello);
          tries.push(each);
          expect(each).toMatchObject({
            code: CLOSE.unauthorized,
            heard: expect.stringContaining("its id is honest's"),
          });
        }
      };
      await attack();
      expect((await owner.send(path)).text).toContain("job: extension");

      await agent.stop();
      await vi.waitFor(async () => expect(await isOnline("honest")).toBe(false), PATIENCE);
      const lastKnown = async () =>
        expect(await owner.call("list_configs", { machine: "honest" })).toMatchObject({
          configs: ["secret"],
          agent_online: false,
        });
      await attack();
      await lastKnown();
      await router.restart();
      await attack();
      expect((await owner.send(path)).status).toBe(503);
      expect(tries.flatMap(({ asked }) => asked)).toEqual([]);
      expect(await namesOf()).toContain("honest");
      // With its own id it is welcome, and stands for nobody else.
      expect(await liar(theirs, { machine_id: "the rogue's own" })).toMatchObject({ heard: "rogue" });
      expect((await owner.send(path)).status).toBe(503);
      await lastKnown();
    });

    test("nor does one by the token that all share; among those that have no other there is no wall", async () => {
      const { machineId } = await box("walled");
      const refused = await liar(AGENT_TOKEN, { name: "open", machine_id: machineId });
      expect(refused).toMatchObject({ code: CLOSE.unauthorized, asked: [] });
      const first = await liar(AGENT_TOKEN, { name: "open", machine_id: "shared-1" });
      await first.leave();
      // A machine that is not known to have a credential may have been given a name by its owner.
      expect(await liar(AGENT_TOKEN, { name: "opened", machine_id: "shared-1" })).toMatchObject({
        heard: "opened",
      });
      const paired = await liar(await pair("paired"), { machine_id: "shared-1" });
      expect(paired).toMatchObject({
        code: CLOSE.unauthorized,
        heard: expect.stringContaining("its id is opened's"),
      });
      expect(await namesOf()).not.toContain("open");
    });

    test("a machine that joins again keeps its id, with its old name or a new one, and takes its answers along", async () => {
      const { agent, data } = await box("before");
      await putConfig(pathsOf({ data }), "mine", "job: extension\n");
      await owner.call("list_configs", { machine: "before" });
      await agent.stop();
      await joinRouter(data, "before");
      const again = await agentIn(data);
      await connected(again);
      await again.stop();

      await joinRouter(data, "after");
      const renamed = await agentIn(data);
      await connected(renamed);
      await renamed.stop();
      await vi.waitFor(async () => expect(await isOnline("after")).toBe(false), PATIENCE);
      expect(await namesOf()).not.toContain("before");
      expect(await owner.call("list_configs", { machine: "after" })).toMatchObject({
        configs: ["mine"],
        agent_online: false,
      });
      // Once known, it is known: the restart of a router does not undo it.
      await router.restart();
      await connected(await agentIn(data));
    });

    test("a machine whose disk is a copy hears that it is one, and comes in with an id of its own", async () => {
      const { data } = await box("original");
      const copy = await newDataFolder();
      opened.push(() => rm(copy, { recursive: true, force: true, maxRetries: 10 }));
      const { state, machineId } = pathsOf({ data: copy });
      await mkdir(state);
      await cp(pathsOf({ data }).machineId, machineId);
      await joinRouter(copy, "copy");
      const refused = await agentIn(copy);
      expect(await refused.exited).toBe(EXIT_REFUSED);
      expect(refused.log()).toContain(
        "the router refuses this machine: its id is original's. A copy? Delete machine-id.",
      );
      await rm(machineId);
      await connected(await agentIn(copy));
      expect(await namesOf()).toEqual(expect.arrayContaining(["original", "copy"]));
    });

    test("a machine that lost its old credential comes in under a new name once its owner has revoked that", async () => {
      const { agent, data, token } = await box("lost");
      await agent.stop();
      await rm(join(pathsOf({ data }).state, "router.json"));
      await joinRouter(data, "found");
      const refused = await agentIn(data);
      expect(await refused.exited).toBe(EXIT_REFUSED);
      const [, id] = /On the router: token revoke ([0-9a-f]{12})/.exec(refused.log()) ?? [];
      expect(id).toBe(token.split("_")[1]);
      await owner.send(`/admin/tokens/${id}`, { method: "DELETE" });
      await connected(await agentIn(data));
      expect(await namesOf()).not.toContain("lost");
    });

    test("somebody else's credential, or a revoked one, shown with a pairing code gives no claim to its machine's id", async () => {
      const { machineId, token } = await box("victim");
      const other = await pair("other");
      const { json } = await owner.send("/join", {
        body: { code: await code(), name: "third" },
        headers: { authorization: `Bearer ${other}` },
      });
      const heard = expect.stringContaining("its id is victim's");
      expect(await liar(String(json["secret"]), { machine_id: machineId })).toMatchObject({ heard });
      await pair("victim"); // a second credential, so that the id stays taken
      await owner.send(`/admin/tokens/${token.split("_")[1]}`, { method: "DELETE" });
      const late = await owner.send("/join", {
        body: { code: await code(), name: "fourth" },
        headers: { authorization: `Bearer ${token}` },
      });
      expect(await liar(String(late.json["secret"]), { machine_id: machineId })).toMatchObject({ heard });
    });
  });
}
