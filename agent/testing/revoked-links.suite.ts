// Links and the tokens that made them, through whatever a router runs on.
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { begunCall } from "./begun-call.ts";
import { parseToolResult } from "./caller.ts";
import { putConfig, type Server, subjectOf } from "./subject.ts";

/** @param start a router, and a machine that is connected to it; `token` is its owner's */
export function revokedLinksSuite(name: string, start: () => Promise<Server>): void {
  test(`${name}: a token's links end when it is revoked, those of others go on`, async () => {
    const server = await start();
    onTestFinished(() => server.close());
    const owner = subjectOf(server);
    const { json } = await owner.send("/admin/tokens", { body: { label: "phone", scopes: ["train"] } });
    const { secret, token } = json as { secret: string; token: { id: string } };
    const phone = subjectOf({ ...server, token: secret });
    await putConfig(owner.paths, "mine", "job: extension\n");

    const ask = { kind: "config", name: "mine" };
    const theirs = await phone.call("create_download_link", ask);
    const upload = await phone.call("create_upload_link", { name: "cats" });
    const overMcp = await phone.rpc("tools/call", { name: "create_download_link", arguments: ask });
    const { url: again } = parseToolResult(overMcp.result).structuredContent ?? {};
    const own = await owner.call("create_download_link", ask);
    // Those that stand in other tools' answers are no others.
    await writeFile(join(owner.paths.output, "old.ckpt"), "of that kind any bytes will do");
    const model = await phone.call("download_model", { model_name: "old", encoding: "raw" });
    const large = { tool: "upload_dataset", arguments: { dataset_name: "dogs", images: [] } };
    const refused = await begunCall(`${server.url}/mcp/execute`, {
      bytes: 65 * 1024 * 1024,
      body: large,
      token: secret,
    });
    const within = [model, refused.json].map(({ link }) => (link as { url: string }).url);
    const status = async (url: unknown, init?: RequestInit) => (await fetch(String(url), init)).status;
    for (const url of [theirs["url"], upload["url"], again, own["url"], ...within])
      expect(await status(url)).toBe(200);

    await owner.send(`/admin/tokens/${token.id}`, { method: "DELETE" });
    expect(await (await fetch(String(theirs["url"]))).json()).toMatchObject({
      code: "not_found",
      error: expect.stringContaining("token that has been revoked"),
    });
    const body = "cut off";
    const tries: [unknown, RequestInit?][] = [
      [theirs["url"], { method: "HEAD" }],
      [`${theirs["url"]}/`],
      [`${upload["url"]}/cats.zip`, { method: "PUT", body }],
      [upload["url"], { method: "PATCH", body, headers: { "upload-offset": "0" } }],
      [again],
      ...within.map((url): [string] => [url]),
    ];
    for (const [url, init] of tries) expect(await status(url, init)).toBe(404);
    // As no client of good faith writes it: with a segment that means nothing to who looks at it as a URL.
    const { pathname } = new URL(String(theirs["url"]));
    for (const dot of ["/.", "/%2e", "/%2E", "/x/.."])
      expect(await rawStatus(server.url, pathname.replace("/files", `/files${dot}`))).toBe(404);
    expect(await status(own["url"])).toBe(200);
  });

  test(`${name}: a token that may only read gets no upload link by a body that is too large`, async () => {
    const server = await start();
    onTestFinished(() => server.close());
    const owner = subjectOf(server);
    const { json } = await owner.send("/admin/tokens", { body: { label: "reader", scopes: ["read"] } });
    const args = { dataset_name: "dogs", images: [] };
    const params = { name: "upload_dataset", arguments: args };
    const calls: [string, object][] = [
      ["/mcp/execute", { tool: "upload_dataset", arguments: args }],
      ["/mcp", { jsonrpc: "2.0", id: 1, method: "tools/call", params }],
    ];
    for (const [path, body] of calls) {
      const call = { bytes: 65 * 1024 * 1024, body };
      const reader = await begunCall(server.url + path, { ...call, token: String(json["secret"]) });
      expect([reader.status, JSON.stringify(reader.json)]).toEqual([
        413,
        expect.not.stringContaining("/files/"),
      ]);
      expect((await begunCall(server.url + path, call)).status).toBe(401);
    }
    expect(await owner.call("revoke_link")).toMatchObject({ links: [] });
  });
}

/** Of a path that goes as it is: clients tidy theirs up. */
async function rawStatus(url: string, path: string): Promise<number> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const [head] = await once(socket, "data");
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(String(head))?.[1]);
}
