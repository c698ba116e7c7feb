import { expect, test, vi } from "vitest";
import { ToolError } from "../shared/errors.ts";
import { CALLER_MAX, FRAME_BYTES_MAX, OPEN_CALLS_MAX } from "../shared/protocol.ts";
import type { Serve } from "../shared/served-calls.ts";
import type { ToolAnswer } from "./backend.ts";
import type { Fleet } from "./fleet.ts";
import { LastAnswers } from "./last-answers.ts";
import { MachineRegistry } from "./machine-registry.ts";
import { IN_MEMORY, openSql } from "./node-sql.ts";
import { connectAgent, testFleet } from "./testing/fleet.ts";

const limits = { frame_bytes: FRAME_BYTES_MAX, open_calls: 100 };

function rememberingFleet() {
  const sql = openSql(IN_MEMORY);
  let now = new Date("2026-11-22T12:00:00Z");
  const clock = () => now;
  const answers = new LastAnswers(sql, () => {}, clock);
  const open = () => testFleet({ machines: new MachineRegistry(sql, clock), answers, now: clock });
  return {
    fleet: open(),
    /** Another router on the same database. */
    reopen: () => {
      answers.flush();
      return open();
    },
    pass: (ms: number) => {
      now = new Date(now.getTime() + ms);
    },
  };
}

const call = (fleet: Fleet, tool: string, args: object = {}) => fleet.call(tool, args, {});
const jsonOf = (answer: ToolAnswer) => (answer.kind === "json" ? answer.output : undefined);

/** Resolves when the hub has noticed. */
async function leave(fleet: Fleet, name: string): Promise<void> {
  fleet.hub.get(name)?.peer.close();
  await vi.waitFor(() => expect(fleet.hub.get(name)).toBeUndefined(), 20_000);
}

test("with no machine ever seen, calls say how to bring one, and the router's own tools answer", async () => {
  const fleet = testFleet();
  await expect(call(fleet, "list_configs")).rejects.toMatchObject({
    code: "agent_offline",
    hint: expect.stringContaining("mcp-ai-toolkit agent"),
  });
  expect(jsonOf(await call(fleet, "list_model_presets"))).toMatchObject({ presets: expect.any(Array) });
  expect(jsonOf(await call(fleet, "list_machines"))).toEqual({ machines: [] });
  await expect(call(fleet, "get_config")).rejects.toMatchObject({ code: "invalid_input" });
  await expect(fleet.health()).rejects.toMatchObject({ code: "agent_offline" });
});

test("while its machine is away a read tool answers what it last said, a change fails with when it was seen", async () => {
  const { fleet, reopen, pass } = rememberingFleet();
  await connectAgent(fleet, {
    serve: async (_tool, input) => ({ configs: ["a"], input }),
    hello: { limits },
  });
  const online = jsonOf(await call(fleet, "list_training_jobs", { limit: 5 }));
  expect(online).not.toHaveProperty("agent_online");
  pass(60_000);
  await leave(fleet, "box");
  pass(12 * 60_000);
  for (const router of [fleet, reopen()]) {
    expect(jsonOf(await call(router, "list_training_jobs", { limit: 5 }))).toEqual({
      ...online,
      agent_online: false,
      as_of: "2026-11-22T12:00:00.000Z",
    });
    // Other arguments are another question.
    await expect(call(router, "list_training_jobs", { limit: 6 })).rejects.toMatchObject({
      code: "agent_offline",
    });
    await expect(call(router, "start_training", { config_name: "a" })).rejects.toMatchObject({
      code: "agent_offline",
      message:
        "The training machine box is offline; it was last seen 12 minutes ago (2026-11-22T12:01:00.000Z)",
      hint: expect.stringContaining("mcp-ai-toolkit agent"),
    });
  }
});

test("an answer of pictures is kept, too, and says at its end how old it is", async () => {
  const { fleet } = rememberingFleet();
  const content = [{ type: "image", data: "aGk=", mimeType: "image/png" }];
  await connectAgent(fleet, { serve: async () => ({ content }), hello: { limits } });
  await call(fleet, "get_training_samples", { job_id: "j" });
  await leave(fleet, "box");
  expect(await call(fleet, "get_training_samples", { job_id: "j" })).toEqual({
    kind: "content",
    content: [
      ...content,
      { type: "text", text: '{"agent_online":false,"as_of":"2026-11-22T12:00:00.000Z"}' },
    ],
  });
});

test("answers that are too long, and what is only true while one waits, are not kept", async () => {
  const { fleet } = rememberingFleet();
  await connectAgent(fleet, { serve: async () => ({ logs: ["x".repeat(600_000)] }), hello: { limits } });
  await call(fleet, "get_training_logs", { job_id: "j" });
  await call(fleet, "wait_for_training", { job_id: "j" });
  await leave(fleet, "box");
  for (const tool of ["get_training_logs", "wait_for_training"]) {
    await expect(call(fleet, tool, { job_id: "j" })).rejects.toMatchObject({ code: "agent_offline" });
  }
});

test("a machine that was given another name keeps its answers and its jobs, and the old name is forgotten", async () => {
  const { fleet } = rememberingFleet();
  await connectAgent(fleet, {
    hello: { name: "old", machine_id: "m", limits },
    serve: async () => ({ configs: [] }),
  });
  await call(fleet, "list_configs");
  await leave(fleet, "old");
  await connectAgent(fleet, { hello: { name: "new", machine_id: "m", limits } });
  await leave(fleet, "new");
  expect(jsonOf(await call(fleet, "list_configs"))).toMatchObject({ configs: [], agent_online: false });
  expect(jsonOf(await call(fleet, "list_machines"))).toMatchObject({
    machines: [{ name: "new", online: false }],
  });
});

test("a machine that was away for a month does not make others ambiguous", async () => {
  const { fleet, pass } = rememberingFleet();
  await connectAgent(fleet, { hello: { name: "gone" } });
  await leave(fleet, "gone");
  await connectAgent(fleet, { serve: async () => ({ configs: [] }), hello: { name: "here" } });
  await expect(call(fleet, "list_configs")).rejects.toMatchObject({ code: "invalid_input" });
  pass(31 * 86_400_000);
  await fleet.sweep();
  expect(jsonOf(await call(fleet, "list_configs"))).toEqual({ configs: [] });
});

test("a store that fails does not fail calls", async () => {
  const errors: unknown[] = [];
  const sql = openSql(IN_MEMORY);
  const answers = new LastAnswers(sql, (flush) => flush());
  const fleet = testFleet({ answers, onError: (error) => errors.push(error) });
  await connectAgent(fleet, { serve: async () => ({ configs: [] }), hello: { limits } });
  sql.close();
  expect(jsonOf(await call(fleet, "list_configs"))).toEqual({ configs: [] });
  expect(errors).toHaveLength(1);
});

test("what is no answer of the tool is the machine's fault, not the client's", async () => {
  const fleet = testFleet();
  await connectAgent(fleet, { serve: async () => "nonsense" });
  await expect(call(fleet, "list_configs")).rejects.toMatchObject({ code: "agent_error" });
  await expect(call(fleet, "get_training_samples", { job_id: "j" })).rejects.toMatchObject({
    code: "agent_error",
  });
});

test("a change carries a key of its own, or the client's; a look carries none", async () => {
  const fleet = testFleet();
  const keys: unknown[] = [];
  const serve: Serve = async (_tool, _input, { key }) => {
    keys.push(key);
    return {};
  };
  await connectAgent(fleet, { serve });
  await call(fleet, "delete_config", { name: "a" });
  await call(fleet, "delete_config", { name: "a" });
  await fleet.call("delete_config", { name: "a" }, { key: "mine" });
  await fleet.call("list_configs", {}, { key: "mine" });
  expect(keys).toEqual([expect.any(String), expect.any(String), "mine", undefined]);
  expect(keys[0]).not.toBe(keys[1]);
});

test("a call whose line breaks is sent again to the same machine with the same key", async () => {
  const fleet = testFleet();
  const keys: unknown[] = [];
  const first = await connectAgent(fleet, {
    serve: (_tool, _input, { key }) => {
      keys.push(key);
      return new Promise(() => {});
    },
  });
  const answer = call(fleet, "delete_config", { name: "a" });
  await vi.waitFor(() => expect(keys).toHaveLength(1), 20_000);
  first.link.close();
  await connectAgent(fleet, {
    hello: { instance: "2" },
    serve: async (_tool, _input, { key }) => {
      keys.push(key);
      return { deleted: "a" };
    },
  });
  expect(jsonOf(await answer)).toEqual({ deleted: "a" });
  expect(keys[1]).toBe(keys[0]);
});

test("it is not sent to another machine that has taken the name", async () => {
  const fleet = testFleet();
  const first = await connectAgent(fleet, { serve: () => new Promise(() => {}) });
  const answer = call(fleet, "delete_config", { name: "a" });
  const serve = vi.fn(async () => ({}));
  await connectAgent(fleet, { hello: { instance: "2", machine_id: "another" }, serve });
  first.link.close();
  await expect(answer).rejects.toMatchObject({ code: "agent_offline" });
  expect(serve).not.toHaveBeenCalled();
});

// --- several machines --------------------------------------------------------------------------------------------

interface Box {
  readonly jobs?: number;
  readonly freeMib?: number;
  readonly configs?: readonly string[];
  readonly own?: readonly string[];
}

/** An agent that knows configs and jobs, and counts what it is asked. */
function box(name: string, { jobs = 0, freeMib, configs = [], own = [] }: Box = {}) {
  const started: unknown[] = [];
  const serve: Serve = async (tool, input) => {
    const { name: config, job_id, config_name } = input as Record<string, string>;
    switch (tool) {
      case "get_config":
        if (configs.includes(String(config))) return { config: {} };
        throw new ToolError("not_found", "Configuration not found");
      case "get_training_status":
      case "stop_training":
        if (own.includes(String(job_id)) || started.includes(job_id)) return { job_id, status: "running" };
        throw new ToolError("not_found", "Job not found");
      case "start_training":
        started.push(`${name}-${config_name}`);
        return { job_id: `${name}-${config_name}` };
      case "get_system_stats": {
        const gpu = {
          index: 0,
          uuid: "u",
          name: "GPU",
          utilization_percent: 0,
          temperature_c: 1,
          power_w: 1,
          power_limit_w: 1,
          throttling: null,
        };
        const devices =
          freeMib === undefined
            ? []
            : [{ ...gpu, memory_used_mib: 1_000, memory_total_mib: freeMib + 1_000 }];
        return { gpu: { cuda_available: true, devices, note: null } };
      }
      case "agent_health":
        return {
          trainer: "rehearsal",
          toolkit: { found: false, path: "", version: null },
          python: { found: false, path: null },
          disk: { writable: true, free_bytes: 5 },
          jobs: { running: jobs + started.length, queued: 0 },
          last_error: null,
          problems: name === "b" ? ["it is hot"] : [],
        };
      default:
        return { at: name };
    }
  };
  return { name, serve, started };
}

async function boxes(...list: readonly ReturnType<typeof box>[]): Promise<Fleet> {
  const fleet = testFleet();
  for (const { name, serve } of list) await connectAgent(fleet, { hello: { name, limits }, serve });
  return fleet;
}

test("the second machine gives every tool the argument `machine`; with one nobody sees it", async () => {
  const fleet = await boxes(box("a"));
  const has = () => fleet.tools().filter((tool) => JSON.stringify(tool.inputSchema).includes('"machine"'));
  expect(has()).toEqual([]);
  expect(jsonOf(await call(fleet, "list_configs"))).toEqual({ at: "a" });
  const { name, serve } = box("b");
  await connectAgent(fleet, { hello: { name }, serve });
  const without = fleet.tools().filter((tool) => !has().includes(tool));
  expect(without.map((tool) => tool.name)).toEqual(["list_model_presets", "list_machines"]);
  expect(has()[0]?.inputSchema).toMatchObject({
    properties: { machine: { type: "string", description: "Which machine: a, b" } },
  });
  expect(has()[0]?.inputSchema["required"]).not.toContain("machine");
  expect(fleet.at("a")?.tools()).toEqual((await boxes(box("a"))).tools());
});

test("a call goes to the machine it names, in the argument or in the address", async () => {
  const fleet = await boxes(box("a"), box("b"));
  expect(jsonOf(await call(fleet, "list_configs", { machine: "b" }))).toEqual({ at: "b", machine: "b" });
  expect(
    jsonOf((await fleet.at("a")?.call("list_configs", {}, {})) ?? { kind: "content", content: [] }),
  ).toEqual({
    at: "a",
    machine: "a",
  });
  expect(fleet.at("c")).toBeUndefined();
  await expect(fleet.at("a")?.call("list_configs", { machine: "b" }, {})).rejects.toMatchObject({
    code: "invalid_input",
  });
});

test.each([
  [{}, /2 machines \(a, b\): say which with 'machine'/],
  [{ machine: "c" }, /no machine 'c'; there are: a, b/],
  [{ machine: "auto" }, /no machine 'auto'/],
  [{ machine: 3 }, /'machine' must be a machine's name/],
])("a call with %j is refused with the names there are", async (args, message) => {
  const fleet = await boxes(box("a"), box("b"));
  await expect(call(fleet, "list_configs", args)).rejects.toMatchObject({
    code: "invalid_input",
    message: expect.stringMatching(message),
  });
});

test("a job finds its machine, whether this router has seen it start or not", async () => {
  const fleet = await boxes(box("a"), box("b", { own: ["old"] }));
  const { job_id } = jsonOf(await call(fleet, "start_training", { config_name: "x", machine: "b" })) ?? {};
  for (const id of [job_id, "old"]) {
    expect(jsonOf(await call(fleet, "stop_training", { job_id: id }))).toMatchObject({ machine: "b" });
  }
  await expect(call(fleet, "stop_training", { job_id: "nobody" })).rejects.toMatchObject({
    code: "not_found",
  });
  await leave(fleet, "a");
  await expect(call(fleet, "stop_training", { job_id: "nobody" })).rejects.toMatchObject({
    hint: expect.stringContaining("offline: a"),
  });
});

test("a machine that says it has another's job does not get the calls for it", async () => {
  const honest = box("a", { own: ["old"] });
  const serve: Serve = async (_tool, input) => ({ job_id: "a-x", ...(input as object) });
  const fleet = await boxes(honest, { name: "b", serve, started: [] });
  await call(fleet, "start_training", { config_name: "x", machine: "a" });
  expect(jsonOf(await call(fleet, "start_training", { config_name: "x", machine: "b" }))).toMatchObject({
    job_id: "a-x",
  });
  expect(jsonOf(await call(fleet, "stop_training", { job_id: "a-x" }))).toMatchObject({ machine: "a" });
  const unclear = {
    code: "invalid_input",
    message: expect.stringMatching(/Several machines .*\((a, b|b, a)\)/),
  };
  await expect(call(fleet, "stop_training", { job_id: "old" })).rejects.toMatchObject(unclear);
  // What it says while the other cannot say anything is not remembered.
  await leave(fleet, "a");
  expect(jsonOf(await call(fleet, "get_training_status", { job_id: "old" }))).toMatchObject({ machine: "b" });
  await connectAgent(fleet, { hello: { name: "a", limits }, serve: honest.serve });
  await expect(call(fleet, "stop_training", { job_id: "old" })).rejects.toMatchObject(unclear);
});

test("auto takes the machine with the shortest queue and the most free memory among those that have the config", async () => {
  const [a, b, c] = [
    box("a", { freeMib: 90_000 }),
    box("b", { configs: ["x"], freeMib: 20_000 }),
    box("c", { configs: ["x", "y"], freeMib: 40_000 }),
  ];
  const fleet = await boxes(a, b, c);
  const start = (more: object = {}) =>
    call(fleet, "start_training", { config_name: "x", machine: "auto", ...more });
  expect(jsonOf(await start())).toMatchObject({ machine: "c" });
  expect(jsonOf(await start())).toMatchObject({ machine: "b" });
  await expect(start({ config_name: "z" })).rejects.toMatchObject({ code: "not_found" });
  await expect(start({ resume: true })).rejects.toMatchObject({ code: "invalid_input" });
  expect(jsonOf(await start({ config_name: "y", resume: true }))).toMatchObject({ machine: "c" });
});

test("a start that is asked for again with its key goes where it went before", async () => {
  const [a, b] = [box("a", { configs: ["x"] }), box("b", { configs: ["x"] })];
  const fleet = await boxes(a, b);
  const start = () => fleet.call("start_training", { config_name: "x", machine: "auto" }, { key: "k" });
  expect(jsonOf(await start())).toMatchObject({ machine: "a" });
  expect(jsonOf(await start())).toMatchObject({ machine: "a" }); // though b is the freer one now
});

test("the health of several machines is a sum, with names in front of the problems", async () => {
  const fleet = await boxes(box("a", { jobs: 1 }), box("b", { jobs: 2 }), box("c"));
  await leave(fleet, "c");
  expect(await fleet.health()).toMatchObject({
    trainer: "rehearsal",
    disk: { writable: true, free_bytes: 10 },
    jobs: { running: 3, queued: 0 },
    problems: ["b: it is hot", expect.stringMatching(/^c: The training machine c is offline/)],
  });
});

test("list_machines tells of those that are here what they have, of the others when they were seen", async () => {
  const fleet = await boxes(box("a", { freeMib: 9_000, jobs: 1 }), box("b"));
  await leave(fleet, "b");
  expect(jsonOf(await call(fleet, "list_machines"))).toMatchObject({
    machines: [
      {
        name: "a",
        online: true,
        agent_version: "1.2.3",
        jobs: { running: 1, queued: 0 },
        gpus: [{ name: "GPU", memory_free_mib: 9_000, memory_total_mib: 10_000 }],
      },
      { name: "b", online: false, jobs: null, gpus: null, last_seen_at: expect.any(String) },
    ],
  });
});

test("however many ask for health and figures at once, the machine is asked once", async () => {
  const fleet = testFleet();
  const asked: string[] = [];
  const answering = Promise.withResolvers<void>();
  const serve: Serve = async (tool) => {
    asked.push(tool);
    await answering.promise;
    throw new ToolError("conflict", "not now");
  };
  await connectAgent(fleet, { serve });
  const all = Promise.allSettled([1, 2, 3].flatMap(() => [fleet.health(), fleet.metrics()]));
  await vi.waitFor(() => expect(asked).toHaveLength(3), 20_000);
  answering.resolve();
  await all;
  expect(asked.sort()).toEqual(["agent_health", "agent_health", "get_system_stats"]);
  await expect(fleet.health()).rejects.toMatchObject({ code: "conflict" });
  expect(asked).toHaveLength(4);
});

test("a caller with as many calls under way as it may is told so, and not that a machine or a job is not there", async () => {
  const fleet = testFleet();
  const open = { frame_bytes: FRAME_BYTES_MAX, open_calls: OPEN_CALLS_MAX };
  const serve: Serve = async (tool) => {
    if (tool === "list_configs") return new Promise(() => {});
    throw new ToolError("not_found", "Job not found");
  };
  await connectAgent(fleet, { serve, hello: { name: "busy", limits: open } });
  await connectAgent(fleet, { serve, hello: { name: "idle", limits: open } });
  const flood = { callerId: "flood" };
  const status = (options: object) => fleet.call("get_training_status", { job_id: "j" }, options);
  for (let n = 0; n < CALLER_MAX.calls; n++) void fleet.call("list_configs", { machine: "busy" }, flood);
  await expect(status({ callerId: "other" })).rejects.toMatchObject({ code: "not_found" });
  await expect(status(flood)).rejects.toMatchObject({ code: "overloaded" });
  expect(jsonOf(await fleet.call("list_machines", {}, flood))).toMatchObject({
    machines: [
      { name: "busy", problems: [expect.stringContaining(`${CALLER_MAX.calls} calls`)] },
      { name: "idle", problems: ["Job not found"] },
    ],
  });
});
