import { expect, test } from "vitest";
import { closeReason } from "../shared/websocket-link.ts";
import { TokenStore } from "./auth/tokens.ts";
import { MachineIds } from "./machine-ids.ts";
import { MachineRegistry } from "./machine-registry.ts";
import { IN_MEMORY, openSql } from "./node-sql.ts";
import { helloOf } from "./testing/fleet.ts";

const ID = "0a1b2c3d-0000-4000-8000-000000000000";

async function open() {
  const sql = openSql(IN_MEMORY);
  const tokens = new TokenStore(sql);
  const machines = new MachineRegistry(sql);
  const paired = async (label: string) => (await tokens.create({ kind: "agent", label })).token.id;
  return {
    tokens,
    ids: new MachineIds(sql),
    paired,
    /** As a router of before, which noted no ids. */
    met: (name: string, machine_id = ID) => machines.met(name, helloOf({ machine_id }), () => true),
  };
}

test("an id that nobody has said is free, and a credential may change its own", async () => {
  const { ids, paired } = await open();
  const token = await paired("box");
  expect(ids.refusal(ID, "box", token)).toBeUndefined();
  ids.note(token, ID);
  expect(ids.refusal("another", "box", token)).toBeUndefined();
  ids.note(token, "another"); // its state folder was lost
  expect(ids.refusal(ID, "other", await paired("other"))).toBeUndefined();
});

test("ids of machines that a router met before it noted any are theirs, too", async () => {
  const { ids, paired, met } = await open();
  const token = await paired("box");
  met("box");
  expect(ids.refusal(ID, "other", await paired("other"))).toContain("its id is box's");
  expect(ids.refusal(ID, "box", token)).toBeUndefined();
  const renamed = await paired("renamed");
  ids.inherit(token, renamed);
  expect(ids.refusal(ID, "renamed", renamed)).toBeUndefined();
});

test("who is in already by the token that all share does not keep a machine's id from its credential", async () => {
  const { ids, paired, met } = await open();
  const token = await paired("box");
  met("twin");
  ids.note(token, ID);
  expect(ids.refusal(ID, "box", token)).toBeUndefined();
  expect(ids.refusal(ID, "twin", undefined)).toContain("its id is box's");
});

test("a client's token, and a credential that has not been used, hold no id", async () => {
  const { ids, tokens, paired, met } = await open();
  await tokens.create({ kind: "client", label: "box", scopes: ["read"] });
  await paired("box");
  met("elsewhere", "another");
  const other = await paired("other");
  expect(ids.refusal(ID, "other", other)).toBeUndefined();
  expect(() => ids.inherit(other, "nothing to pass on")).not.toThrow();
});

test("however long the name, all that is to be done fits into the frame that closes the link", async () => {
  const { ids, paired } = await open();
  const name = "n".repeat(32);
  const token = await paired(name);
  ids.note(token, ID);
  const reason = ids.refusal(ID, "other", await paired("other")) ?? "";
  expect(closeReason(reason)).toBe(reason);
  expect(reason).toContain(`token revoke ${token}`);
});
