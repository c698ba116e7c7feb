// What a browser shows of a link that does not do, and a program gets of the same, whatever the link leads through.
import { expect, onTestFinished, test } from "vitest";
import type { Json } from "./caller.ts";
import type { Program } from "./program.ts";
import { type Server, subjectOf } from "./subject.ts";

/** As Chromium goes to an address. */
const NAVIGATES = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8" };

/** @param start a server, and the machine behind it if there is a router; `token` is the owner's */
export function problemPagesSuite(
  name: string,
  start: () => Promise<Server & { readonly agent?: Program }>,
): void {
  test(`${name}: a link that does not do is a page in a browser, and JSON for all others`, async () => {
    const server = await start();
    onTestFinished(() => server.close());
    const owner = subjectOf(server);
    const link = async (dataset: string, from = owner) => {
      const { url, link_id } = await from.call("create_upload_link", { name: dataset });
      return { url: String(url), link_id };
    };
    async function bothSay(url: string, status: number, words: string, advice: string): Promise<void> {
      const page = await fetch(url, { headers: NAVIGATES });
      const html = await page.text();
      expect([page.status, page.headers.get("content-type")], url).toEqual([
        status,
        "text/html; charset=utf-8",
      ]);
      expect(page.headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; sandbox; style-src 'sha256-[\w+/=]+'$/,
      );
      expect(html).toMatch(new RegExp(`<h1>[^<]*${words}[^<]*</h1>`));
      expect(html).toContain(advice);
      const program = await fetch(url);
      const said = (await program.json()) as Json;
      expect([program.status, said]).toMatchObject([status, { success: false, code: expect.any(String) }]);
      expect([said["error"], said["hint"]].join(". ")).toContain(advice);
      const head = await fetch(url, { method: "HEAD", headers: NAVIGATES });
      expect([head.status, await head.text()]).toEqual([status, ""]);
    }

    const good = await link("good");
    for (const part of [good.url.slice(0, -1), `${good.url}/a/b`, new URL("/files/", good.url).href])
      await bothSay(part, 404, "not whole", "copy all of it");
    const revoked = await link("revoked");
    await owner.call("revoke_link", { link_id: revoked.link_id });
    await bothSay(revoked.url, 404, "expired or revoked", "Ask who gave it to you for a new one");
    if (!server.agent) return;

    const { json } = await owner.send("/admin/tokens", { body: { label: "phone", scopes: ["train"] } });
    const { secret, token } = json as { secret: string; token: { id: string } };
    const phones = await link("phone", subjectOf({ ...server, token: secret }));
    await owner.send(`/admin/tokens/${token.id}`, { method: "DELETE" });
    await bothSay(phones.url, 404, "token that has been revoked", "Ask who gave it to you for a new one");
    await server.agent.close();
    await bothSay(good.url, 503, "not connected", "Try again when it is back");
  });
}
