// How many may listen at once to a server, whatever it runs on.
import { expect, onTestFinished, test, vi } from "vitest";
import { LISTENING_MAX } from "../../router/mcp/listening.ts";
import { listen } from "./listen.ts";
import { CLIENT_TOKEN } from "./routed.ts";
import { type Server, subjectOf } from "./subject.ts";

/** A runtime may notice only with the next sign of life on a stream (every 15 s) that its client has left. */
const PATIENCE = { timeout: 60_000, interval: 25 };

/** @param start a server whose owner's token is CLIENT_TOKEN */
export function listenersSuite(name: string, start: () => Promise<Pick<Server, "url" | "close">>): void {
  const title = `${name}: one token's streams leave room for those of others, and for its own once one has ended`;
  test(title, { timeout: 120_000 }, async () => {
    const server = await start();
    onTestFinished(() => server.close());
    const owner = subjectOf({ url: server.url, token: CLIENT_TOKEN, data: "" });
    const made = await owner.send("/admin/tokens", { body: { label: "phone", scopes: ["read"] } });
    const phone = String(made.json["secret"]);
    const begin = (token: string) => listen(server.url, token, { toolsListChanged: true });
    const acknowledged = [expect.objectContaining({ method: "notifications/subscriptions/acknowledged" })];
    const streams = await Promise.all(Array.from({ length: LISTENING_MAX }, () => begin(phone)));
    onTestFinished(() => {
      for (const { leave } of streams) leave();
    });
    expect(streams.map(({ heard }) => heard)).toEqual(streams.map(() => acknowledged));
    await expect(begin(phone)).rejects.toThrow(`${LISTENING_MAX} streams`);
    const others = await begin(CLIENT_TOKEN);
    expect(others.heard).toEqual(acknowledged);
    others.leave();
    streams[0]?.leave();
    await vi.waitFor(async () => (await begin(phone)).leave(), PATIENCE);
  });
}
