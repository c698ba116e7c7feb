import { expect, onTestFinished, test, vi } from "vitest";
import { ToolError } from "../shared/errors.ts";
import type { WatchedJobs } from "../shared/tools/watching.ts";
import { Changes } from "./changes.ts";
import { connectAgent, testFleet } from "./testing/fleet.ts";

vi.setConfig({ testTimeout: 30_000 });
const WAIT = { timeout: 10_000, interval: 5 };

/** A fleet whose only machine has these jobs, and answers as agents do: when they are not as the question says. */
async function setUp() {
  const changes = new Changes(["tools", "resources"]);
  const told: string[] = [];
  changes.subscribe((event) => told.push("uri" in event ? event.uri : event.kind));
  const fleet = testFleet({ changes });
  let jobs: WatchedJobs = {};
  let wake = () => {};
  const open = new Set<AbortSignal>();
  let asked = 0;
  const serve = async (_tool: string, input: unknown, { signal }: { signal: AbortSignal }) => {
    asked++;
    open.add(signal);
    const known = JSON.stringify((input as { readonly jobs: WatchedJobs }).jobs);
    while (!signal.aborted && JSON.stringify(jobs) === known)
      await new Promise<void>((resolve) => {
        wake = resolve;
        signal.addEventListener("abort", () => resolve());
      });
    open.delete(signal);
    return { jobs };
  };
  const { link } = await connectAgent(fleet, { serve });
  told.length = 0;
  return {
    fleet,
    told,
    link,
    serve,
    asked: () => asked,
    open: () => open.size,
    become(next: WatchedJobs) {
      jobs = next;
      wake();
    },
  };
}

const run = (step: number, samples = 0) => ({ state: `training ${step}`, samples });

test("however many listen, each machine has one question; when nobody does, none", async () => {
  const { fleet, told, asked, open, become } = await setUp();
  expect(asked()).toBe(0);
  const over = [fleet.watchJobs(), fleet.watchJobs(), fleet.watchJobs()];
  await vi.waitFor(() => expect(open()).toBe(1), WAIT);
  become({ a: run(1) });
  await vi.waitFor(() => expect(told).toContain("job://a"), WAIT);
  await vi.waitFor(() => expect(open()).toBe(1), WAIT);
  expect(asked()).toBe(3); // how it is, how it becomes, and what next
  expect(told.filter((uri) => uri === "job://a")).toHaveLength(1);
  for (const each of over) each();
  over[0]?.(); // twice is once
  await vi.waitFor(() => expect(open()).toBe(0), WAIT);
  become({ a: run(2) });
  const again = fleet.watchJobs();
  onTestFinished(again);
  await vi.waitFor(() => expect(open()).toBe(1), WAIT);
});

test("what has changed of a job is told, and no more", async () => {
  const { fleet, told, open, become } = await setUp();
  become({ a: run(1), b: run(1) });
  onTestFinished(fleet.watchJobs());
  await vi.waitFor(() => expect(open()).toBe(1), WAIT);
  expect(told).toEqual([]); // how it is when one begins to listen is no change
  become({ a: run(2), b: run(1) });
  await vi.waitFor(() => expect(told).toEqual(["job://a", "job://a/log", "job://a/metrics"]), WAIT);
  told.length = 0;
  become({ a: run(2, 4), b: run(1) });
  await vi.waitFor(() => expect(told).toContain("job://a/samples/sheet"), WAIT);
  told.length = 0;
  become({ a: run(2, 4) });
  await vi.waitFor(() => expect(told).toContain("job://b"), WAIT);
  expect(told).toContain("resources_list_changed");
  expect(told).not.toContain("job://a");
});

test("what happened while a machine was away is told when it is back", async () => {
  const { fleet, told, link, serve, open, become } = await setUp();
  become({ a: run(1) });
  onTestFinished(fleet.watchJobs());
  await vi.waitFor(() => expect(open()).toBe(1), WAIT);
  link.close(1001, "gone");
  become({ a: run(900) });
  await connectAgent(fleet, { serve });
  await vi.waitFor(() => expect(told).toContain("job://a"), WAIT);
});

test("an agent that does not know the question is not asked again", async () => {
  const fleet = testFleet({ changes: new Changes(["tools", "resources"]) });
  let asked = 0;
  await connectAgent(fleet, {
    serve: async () => {
      asked++;
      throw new ToolError("not_found", "Tool 'watch_jobs' not found");
    },
  });
  onTestFinished(fleet.watchJobs());
  await vi.waitFor(() => expect(asked).toBe(1), WAIT);
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBe(1);
});

test("the second machine that joins changes the list of tools, and one that only comes back does not", async () => {
  const changes = new Changes(["tools", "resources"]);
  const told: string[] = [];
  changes.subscribe(({ kind }) => told.push(kind));
  const fleet = testFleet({ changes });
  const joins = async (name: string) => {
    told.length = 0;
    const agent = await connectAgent(fleet, { hello: { name } });
    return { agent, told: [...told] };
  };
  expect((await joins("one")).told).toEqual(["resources_list_changed"]);
  const second = await joins("two");
  expect(second.told).toEqual(["tools_list_changed", "resources_list_changed"]);
  told.length = 0;
  second.agent.link.close(1001, "gone");
  await vi.waitFor(() => expect(told).toEqual(["resources_list_changed"]), WAIT);
  expect((await joins("two")).told).toEqual(["resources_list_changed"]);
});
