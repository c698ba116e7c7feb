// What tokens, pairing and the audit log promise, over any SQLite: a file on Node, the Durable Object on Workers.
import { describe, expect, test } from "vitest";
import { Audit } from "../audit.ts";
import type { Sql } from "../sql.ts";

import { Pairing } from "./pairing.ts";
import { clientTokens, TokenStore } from "./tokens.ts";

const DAY_MS = 86_400_000;

function clock() {
  let nowMs = Date.parse("2026-11-22T12:00:00Z");
  return {
    now: () => new Date(nowMs),
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

export function tokensSuite(title: string, open: () => Sql): void {
  describe(`${title}: tokens`, () => {
    test("a token is a caller with its scopes, until it is revoked", async () => {
      const store = new TokenStore(open());
      const { token, secret } = await store.create({
        kind: "client",
        label: "phone",
        scopes: ["train", "read"],
      });
      const authenticate = clientTokens(store);
      expect(await authenticate(`Bearer ${secret}`)).toEqual({
        id: token.id,
        label: "phone",
        scopes: ["read", "train"],
      });
      store.revoke(token.id);
      expect(await authenticate(`Bearer ${secret}`)).toBeUndefined();
      expect(store.list()).toMatchObject([{ id: token.id, revoked_at: expect.any(String) }]);
    });

    test("nothing of the secret is kept but its digest", async () => {
      const sql = open();
      const { secret } = await new TokenStore(sql).create({ kind: "client", label: "x", scopes: ["read"] });
      const rows = JSON.stringify(sql.all("SELECT * FROM tokens"));
      expect(secret).toMatch(/^mait_[0-9a-f]{12}_[\w-]{43}$/);
      expect(rows).not.toContain(secret.slice(-43));
      expect(rows).toContain(secret.slice(5, 17)); // the id, to find and revoke it by
    });

    test("a token ends when it expires", async () => {
      const time = clock();
      const store = new TokenStore(open(), time.now);
      const { secret } = await store.create({
        kind: "client",
        label: "x",
        scopes: ["read"],
        livesMs: DAY_MS,
      });
      time.pass(DAY_MS - 1);
      expect(await store.verify(secret, "client")).toBeDefined();
      time.pass(1);
      expect(await store.verify(secret, "client")).toBeUndefined();
    });

    test("a client's token is none for agents, and the other way round", async () => {
      const store = new TokenStore(open());
      const client = await store.create({ kind: "client", label: "x", scopes: ["admin"] });
      const agent = await store.create({ kind: "agent", label: "box222" });
      expect(await store.verify(client.secret, "agent")).toBeUndefined();
      expect(await store.verify(agent.secret, "client")).toBeUndefined();
      expect(await store.verify(agent.secret, "agent")).toMatchObject({ label: "box222" });
    });

    test.each(["", "x", "mait_0123456789ab_", `mait_0123456789ab_${"A".repeat(43)}`, "A".repeat(100_000)])(
      "the text %.30s is no token",
      async (text) => {
        const store = new TokenStore(open());
        await store.create({ kind: "client", label: "x", scopes: ["read"] });
        expect(await store.verify(text, "client")).toBeUndefined();
      },
    );

    test("a token with one character changed is none", async () => {
      const store = new TokenStore(open());
      const { secret } = await store.create({ kind: "client", label: "x", scopes: ["read"] });
      const changed = secret.slice(0, -1) + (secret.endsWith("A") ? "B" : "A");
      expect(await store.verify(changed, "client")).toBeUndefined();
    });

    test("two credentials of a machine live side by side, a third retires the oldest", async () => {
      const store = new TokenStore(open());
      const made = [];
      for (let i = 0; i < 3; i++) made.push(await store.create({ kind: "agent", label: "box222" }));
      const live = await Promise.all(made.map(({ secret }) => store.verify(secret, "agent")));
      expect(live.map((token) => token !== undefined)).toEqual([false, true, true]);
    });

    test("when a token was last used is known to the minute", async () => {
      const time = clock();
      const store = new TokenStore(open(), time.now);
      const { secret } = await store.create({ kind: "client", label: "x", scopes: ["read"] });
      expect(store.list()[0]?.last_used_at).toBeNull();
      await store.verify(secret, "client");
      time.pass(59_000);
      await store.verify(secret, "client");
      expect(store.list()[0]?.last_used_at).toBe("2026-11-22T12:00:00.000Z");
      time.pass(1_000);
      await store.verify(secret, "client");
      expect(store.list()[0]?.last_used_at).toBe("2026-11-22T12:01:00.000Z");
    });

    test.each([
      [{ label: " ", scopes: ["read"] }, /label of 1 to 100/],
      [{ label: "x", scopes: [] }, /at least one scope/],
    ] as const)("the token %j is refused", async (token, message) => {
      await expect(new TokenStore(open()).create({ kind: "client", ...token })).rejects.toThrow(message);
    });

    test("an id that is no token's cannot be revoked", () => {
      expect(() => new TokenStore(open()).revoke("nothing")).toThrow(/no token nothing/);
    });
  });

  describe(`${title}: pairing`, () => {
    const parts = () => {
      const time = clock();
      const sql = open();
      const tokens = new TokenStore(sql, time.now);
      return { time, tokens, pairing: new Pairing(sql, tokens, time.now) };
    };

    test("a code becomes a machine's credential, once, in whatever way it is typed", async () => {
      const { tokens, pairing } = parts();
      const { code } = await pairing.begin();
      expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
      const { secret } = await pairing.join(` ${code.toLowerCase().replace("-", " ")}`, "box222");
      expect(await tokens.verify(secret, "agent")).toMatchObject({ label: "box222" });
      await expect(pairing.join(code, "box222")).rejects.toMatchObject({ code: "unauthorized" });
    });

    test("a code is void after ten minutes", async () => {
      const { time, pairing } = parts();
      const { code } = await pairing.begin();
      time.pass(10 * 60_000);
      await expect(pairing.join(code, "box222")).rejects.toThrow(/older than ten minutes/);
    });

    test("the fifth wrong code makes the right one void, the fourth does not", async () => {
      const wrong = async (pairing: Pairing) =>
        expect(pairing.join("0000-0000", "box222")).rejects.toMatchObject({ code: "unauthorized" });
      const four = parts();
      const first = await four.pairing.begin();
      for (let i = 0; i < 4; i++) await wrong(four.pairing);
      await four.pairing.join(first.code, "box222");
      const five = parts();
      const second = await five.pairing.begin();
      for (let i = 0; i < 5; i++) await wrong(five.pairing);
      await expect(five.pairing.join(second.code, "box222")).rejects.toMatchObject({ code: "unauthorized" });
    });

    test("a new code makes the one before void", async () => {
      const { pairing } = parts();
      const { code } = await pairing.begin();
      await pairing.begin();
      await expect(pairing.join(code, "box222")).rejects.toMatchObject({ code: "unauthorized" });
    });

    test.each(["", "Box", "a b", "../x", "-x", "x-", "a".repeat(33)])(
      "the machine name %j is refused, and the code stays good",
      async (name) => {
        const { pairing } = parts();
        const { code } = await pairing.begin();
        await expect(pairing.join(code, name)).rejects.toMatchObject({ code: "invalid_input" });
        await expect(pairing.join(code, "box222")).resolves.toMatchObject({ name: "box222" });
      },
    );
  });

  test(`${title}: the audit log gives its newest entries first, page by page`, () => {
    const audit = new Audit(open());
    const caller = { id: "t1", label: "phone", scopes: [] };
    for (let i = 0; i < 5; i++) audit.add(caller, "start_training", `cats ${i}`, "ok", 3.4);
    const page = audit.list(2);
    expect(page).toMatchObject([
      { caller_id: "t1", tool: "start_training", target: "cats 4", outcome: "ok", duration_ms: 3 },
      { target: "cats 3" },
    ]);
    expect(audit.list(2, page.at(-1)?.seq)).toMatchObject([{ target: "cats 2" }, { target: "cats 1" }]);
  });

  test(`${title}: who may change nothing pushes no change out of the audit log`, () => {
    const audit = new Audit(open(), { ofReadersMax: 10 });
    const as = (id: string) => ({ id, label: id, scopes: [] });
    audit.add(as("laptop"), "start_training", "cats", "ok", 3);
    audit.add(as("laptop"), "delete_model", "cats", "forbidden", 0);
    for (let i = 0; i < 250; i++) audit.add(as("phone"), "delete_model", `cats ${i}`, "forbidden", 0);
    for (let i = 0; i < 250; i++) audit.add(as("phone"), "create_download_link", `cats ${i}`, "ok", 0);
    const entries = audit.list(1_000);
    expect(entries.length).toBeLessThan(120);
    expect(entries[0]).toMatchObject({ target: "cats 249", outcome: "ok" });
    expect(entries.slice(-2)).toMatchObject([
      { caller_id: "laptop", outcome: "forbidden" },
      { caller_id: "laptop", outcome: "ok" },
    ]);
  });
}
