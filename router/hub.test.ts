import { expect, test, vi } from "vitest";
import { type Closed, type Link, linkPair } from "../shared/link.ts";
import { Peer } from "../shared/peer.ts";
import { CLOSE, GREETING_MS, isPermanent, VERSIONS } from "../shared/protocol.ts";
import type { Serve } from "../shared/served-calls.ts";
import { Hub } from "./hub.ts";
import { connectAgent, helloOf } from "./testing/fleet.ts";

function clock() {
  let nowMs = 1_000_000;
  return {
    now: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

const closedOf = (link: Link) => new Promise<Closed>((resolve) => link.onClose(resolve));
const never: Serve = (_tool, _input, { signal }) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

test("an agent that was welcomed can be called by its name", async () => {
  const hub = new Hub();
  await connectAgent(hub, { serve: async (tool) => `ran ${tool}`, hello: { name: "box1" } });
  await expect(hub.get("box1")?.peer.call("x", {})).resolves.toBe("ran x");
  expect(hub.get("box2")).toBeUndefined();
});

test.each([
  ["too old", { min: VERSIONS.min - 2, max: VERSIONS.min - 1 }],
  ["too new", { min: VERSIONS.max + 1, max: VERSIONS.max + 2 }],
  ["upside down", { min: 5, max: 0 }],
])("a version that is %s is told from which to which each side speaks", async (_what, versions) => {
  const [routerEnd, agentEnd] = linkPair();
  const closed = closedOf(agentEnd);
  const attached = new Hub().attach(routerEnd);
  new Peer(agentEnd, { onWelcome: () => {} }).hello(helloOf({ versions }));
  await expect(attached).rejects.toThrow(`speaks protocol ${versions.min} to ${versions.max}`);
  expect(await closed).toMatchObject({
    code: CLOSE.version,
    reason: expect.stringContaining(`this router ${VERSIONS.min} to ${VERSIONS.max}`),
  });
});

test("a machine that may not be what it says is told why, and whoever has its place keeps it", async () => {
  const hub = new Hub({
    refusal: (name, { machine_id }) => (machine_id === "a lie" ? `not ${name}` : undefined),
  });
  await connectAgent(hub, { serve: async () => "the first", hello: { name: "box" } });
  await expect(connectAgent(hub, { hello: { name: "box", machine_id: "a lie" } })).rejects.toThrow("not box");
  await expect(hub.get("box")?.peer.call("x", {})).resolves.toBe("the first");
});

test("while it cannot be looked up what a machine may be, none comes in, and each is to try again", async () => {
  const [routerEnd, agentEnd] = linkPair();
  const closed = closedOf(agentEnd);
  const refusal = () => {
    throw new Error("disk full");
  };
  const attached = new Hub({ refusal }).attach(routerEnd);
  new Peer(agentEnd, { onWelcome: () => {} }).hello(helloOf());
  await expect(attached).rejects.toThrow("disk full");
  expect(isPermanent((await closed).code)).toBe(false);
});

test("of a range of versions the newest that both know is taken", async () => {
  const [routerEnd, agentEnd] = linkPair();
  const welcome = vi.fn();
  void new Hub().attach(routerEnd);
  new Peer(agentEnd, { onWelcome: welcome }).hello(helloOf({ versions: { min: 0, max: 99 } }));
  await vi.waitFor(
    () => expect(welcome).toHaveBeenCalledWith(expect.objectContaining({ version: VERSIONS.max })),
    20_000,
  );
});

test("an agent of version 1 keeps working, and is told nothing that is newer", async () => {
  const hub = new Hub();
  const serve: Serve = async (_tool, _input, { request }) => ({ request: request ?? null });
  await connectAgent(hub, { serve, hello: { name: "old", versions: { min: 1, max: 1 } } });
  await connectAgent(hub, { serve, hello: { name: "new" } });
  const request = { id: "r1", caller: "phone" };
  expect(await hub.get("old")?.peer.call("x", {}, { request })).toEqual({ request: null });
  expect(await hub.get("new")?.peer.call("x", {}, { request })).toEqual({ request });
});

test.each(["", "Box", "a b", "../x", "auto", "x".repeat(33), "-box", "ä"])(
  "the name %j is refused",
  async (name) => {
    await expect(connectAgent(new Hub(), { hello: { name } })).rejects.toThrow(
      "small letters, digits and hyphens",
    );
  },
);

test("a credential that belongs to a name gives that name, whatever the agent calls itself", async () => {
  const hub = new Hub();
  await connectAgent(hub, { hello: { name: "mine" }, credential: { name: "given" } });
  expect(hub.all().map(({ name }) => name)).toEqual(["given"]);
});

test("of two agents with one name the newer wins; the older is told why, and its calls end", async () => {
  const hub = new Hub();
  const older = await connectAgent(hub, { serve: never });
  const closed = closedOf(older.link);
  const call = hub.get("box")?.peer.call("x", {});
  await connectAgent(hub, { serve: async () => "newer", hello: { instance: "2" } });
  await expect(call).rejects.toMatchObject({ code: "agent_offline" });
  expect(await closed).toEqual({ code: CLOSE.replaced, reason: "another agent has connected as box" });
  await expect(hub.get("box")?.peer.call("x", {})).resolves.toBe("newer");
});

test("an agent that asks only for a free name is turned away while somebody else has it", async () => {
  const hub = new Hub();
  const holder = await connectAgent(hub);
  const polite = { instance: "2", if_free: true };
  await expect(connectAgent(hub, { hello: polite })).rejects.toThrow("another agent has the name box");
  expect(hub.get("box")?.hello.instance).toBe("1");
  // Its own link that died unnoticed is no other agent.
  await connectAgent(hub, { hello: { if_free: true } });
  holder.link.close();
  hub.get("box")?.peer.close();
  await vi.waitFor(() => expect(hub.get("box")).toBeUndefined(), 20_000);
  await connectAgent(hub, { hello: polite });
  expect(hub.get("box")?.hello.instance).toBe("2");
});

test("an agent that was not heard of for three heartbeats is gone, and its link closed", async () => {
  const { now, pass } = clock();
  const hub = new Hub({ now });
  const agent = await connectAgent(hub, { hello: { heartbeat_ms: 1_000 } });
  const closed = closedOf(agent.link);
  pass(2_900);
  agent.peer.ping();
  await vi.waitFor(() => {
    pass(1);
    expect(hub.get("box")?.peer.silenceMs).toBeLessThan(1_000);
  }, 20_000);
  pass(2_900);
  expect(hub.get("box")).toBeDefined();
  pass(1_000);
  expect(hub.get("box")).toBeUndefined();
  expect(await closed).toMatchObject({ code: CLOSE.silent });
});

test("a clock that is set back makes nobody silent, one set forward at most once", async () => {
  const { now, pass } = clock();
  const hub = new Hub({ now });
  await connectAgent(hub, { hello: { heartbeat_ms: 1_000 } });
  pass(-500_000);
  expect(hub.get("box")).toBeDefined();
  pass(2_900);
  expect(hub.get("box")).toBeDefined();
  pass(500_000);
  expect(hub.get("box")).toBeUndefined();
});

test("whoever does not say hello in time is closed by the next sweep", async () => {
  const { now, pass } = clock();
  const hub = new Hub({ now });
  const [routerEnd, agentEnd] = linkPair();
  const attached = hub.attach(routerEnd);
  attached.catch(() => {});
  const closed = closedOf(agentEnd);
  pass(GREETING_MS + 1);
  await hub.sweep();
  expect(await closed).toMatchObject({ code: CLOSE.silent, reason: "no hello" });
  await expect(attached).rejects.toThrow("no hello");
});

test("an agent whose token was revoked is closed by the next sweep", async () => {
  const hub = new Hub();
  let valid = true;
  const { link } = await connectAgent(hub, { credential: { isValid: async () => valid } });
  const closed = closedOf(link);
  await hub.sweep();
  expect(hub.get("box")).toBeDefined();
  valid = false;
  await hub.sweep();
  expect(await closed).toMatchObject({ code: CLOSE.unauthorized });
});

test("links that say nothing do not pile up", async () => {
  const hub = new Hub();
  const ends = Array.from({ length: 100 }, () => {
    const [routerEnd, agentEnd] = linkPair();
    hub.attach(routerEnd).catch(() => {});
    return closedOf(agentEnd);
  });
  expect(await Promise.race(ends)).toMatchObject({ code: CLOSE.overloaded });
});

test("a router that leaves lets calls end, takes no new ones, and tells its agents to come back", async () => {
  const hub = new Hub();
  const answer = Promise.withResolvers<string>();
  const { peer, link } = await connectAgent(hub, { serve: () => answer.promise });
  const closed = closedOf(link);
  const call = hub.get("box")?.peer.call("x", {});
  hub.goAway("the router is restarting");
  expect(hub.get("box")).toBeUndefined();
  await expect(connectAgent(hub, { hello: { name: "late" } })).rejects.toThrow("restarting");
  answer.resolve("done");
  await expect(call).resolves.toBe("done");
  await peer.idle();
  hub.close();
  expect(await closed).toEqual({ code: CLOSE.going_away, reason: "the router is restarting" });
});

test("an agent that is about to leave answers what it has and gets nothing new", async () => {
  const hub = new Hub();
  const answer = Promise.withResolvers<string>();
  const { peer } = await connectAgent(hub, { serve: () => answer.promise });
  const call = hub.get("box")?.peer.call("x", {});
  peer.goAway("the agent is ending");
  await vi.waitFor(() => expect(hub.get("box")).toBeUndefined(), 20_000);
  answer.resolve("done");
  await expect(call).resolves.toBe("done");
});

test("who waits for an agent gets it with its welcome, and nothing when it does not come", async () => {
  const hub = new Hub();
  expect(await hub.whenBack("box", 5)).toBeUndefined();
  expect(await hub.whenBack("box", 60_000, AbortSignal.abort())).toBeUndefined();
  const back = [hub.whenBack("box", 60_000), hub.whenBack("box", 60_000)];
  await connectAgent(hub);
  for (const agent of back) expect((await agent)?.name).toBe("box");
});

test("nobody waits for an agent of a router that is about to end", async () => {
  const hub = new Hub();
  const waiting = hub.whenBack("box", 60_000);
  hub.goAway("the router is restarting");
  expect(await waiting).toBeUndefined();
  expect(await hub.whenBack("box", 60_000)).toBeUndefined();
});

test("a hub that slept goes on with a link that outlived it", async () => {
  const hub = new Hub();
  const [routerEnd, agentEnd] = linkPair();
  new Peer(agentEnd, { serve: async () => "still here" });
  hub.resume(routerEnd, "box", helloOf());
  await expect(hub.get("box")?.peer.call("x", {})).resolves.toBe("still here");
  await expect(hub.get("box")?.peer.call("x", "x".repeat(2_000_000))).rejects.toMatchObject({
    code: "too_large",
  });
});

test.each([
  [40_000, "there"],
  [50_000, undefined],
])(
  "of an agent that was last heard of %i ms before the hub woke, the hub says that it is %s",
  (ms, there) => {
    const nowMs = 1_000_000;
    const hub = new Hub({ now: () => nowMs });
    const [routerEnd] = linkPair();
    const link = Object.defineProperty(routerEnd, "heardAtMs", { value: nowMs - ms });
    hub.resume(link, "box", helloOf({ heartbeat_ms: 15_000 }));
    expect(hub.get("box") && "there").toBe(there);
  },
);

test("an agent cannot call the router", async () => {
  const hub = new Hub();
  const { peer } = await connectAgent(hub);
  await expect(peer.call("list_configs", {})).rejects.toMatchObject({ code: "forbidden" });
});
