import { expect, test } from "vitest";
import { MachineRegistry } from "./machine-registry.ts";
import { IN_MEMORY, openSql } from "./node-sql.ts";
import { helloOf } from "./testing/fleet.ts";

const nobody = () => false;

function open() {
  const sql = openSql(IN_MEMORY);
  let ms = Date.parse("2026-11-22T12:00:00Z");
  const now = () => new Date(ms);
  return {
    registry: new MachineRegistry(sql, now),
    /** The same database after a restart. */
    reopen: () => new MachineRegistry(sql, now),
    pass: (more: number) => {
      ms += more;
    },
  };
}

test("machines are known by name, over restarts, with when they were first and last seen", () => {
  const { registry, reopen, pass } = open();
  registry.met("b", helloOf({ name: "b" }), nobody);
  registry.met("a", helloOf({ name: "a" }), nobody);
  pass(90_000);
  registry.seen("a", false);
  registry.seen("unknown", true);
  for (const each of [registry, reopen()]) {
    expect(each.all()).toEqual([
      {
        name: "a",
        machine_id: "id of a",
        agent_version: "1.2.3",
        first_seen_at: "2026-11-22T12:00:00.000Z",
        last_seen_at: "2026-11-22T12:01:30.000Z",
      },
      expect.objectContaining({ name: "b", last_seen_at: "2026-11-22T12:00:00.000Z" }),
    ]);
  }
});

test("that a machine is still here is not written down every time", () => {
  const { registry, pass } = open();
  registry.met("a", helloOf(), nobody);
  pass(30_000);
  registry.seen("a", false);
  expect(registry.get("a")?.last_seen_at).toBe("2026-11-22T12:00:00.000Z");
  registry.seen("a", true);
  expect(registry.get("a")?.last_seen_at).toBe("2026-11-22T12:00:30.000Z");
});

test("a machine with a new name takes its jobs along, unless somebody is there under the old one", () => {
  const { registry } = open();
  const hello = helloOf({ machine_id: "m" });
  registry.met("old", hello, nobody);
  registry.put("job:1", "old");
  expect(registry.met("twin", hello, (name) => name === "old")).toBeUndefined();
  expect(registry.placeOf("job:1")).toBe("old");
  expect(registry.met("new", hello, nobody)).toBe("old");
  expect(registry.placeOf("job:1")).toBe("new");
  expect(registry.all().map(({ name }) => name)).toEqual(["new", "twin"]);
});

test("very many jobs do not pile up", () => {
  const { registry } = open();
  for (let n = 0; n < 10_050; n++) registry.put(`job:${n}`, "a");
  expect(registry.placeOf("job:0")).toBeUndefined();
  expect(registry.placeOf("job:10049")).toBe("a");
});
