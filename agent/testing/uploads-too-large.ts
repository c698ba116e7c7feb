// Part of the suite of uploads: calls of upload_dataset that are too large are refused with the link that takes their files.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { begunCall } from "./begun-call.ts";
import type { Json } from "./caller.ts";
import { shell } from "./curl.ts";
import { scratch } from "./scratch.ts";
import type { UploadPlace } from "./upload-place.ts";

const MIB = 1024 * 1024;

/** @param overLine calls go over a line, which takes none of more than 32 MB */
export function uploadsTooLarge(
  place: () => UploadPlace,
  { overLine }: { readonly overLine: boolean },
): void {
  /** Calls of upload_dataset that cannot be taken, by their size. */
  const tooLarge: [string, string, number][] = [
    ["a body that is longer than any may be", "/mcp/execute", 65 * MIB],
    ["the same over MCP", "/mcp", 65 * MIB],
    ...(overLine
      ? ([["a call that no line takes", "/mcp/execute", 33 * MIB]] as [string, string, number][])
      : []),
  ];
  test.each(tooLarge)("%s is refused with the link that takes its data set", async (what, path, bytes) => {
    const { server, subject, jpeg, filesOf } = place();
    const name = `large ü "${what}"`.slice(0, 40);
    const large = bytes > 64 * MIB;
    const images = [{ filename: "a.jpg", data: "A".repeat(large ? 1 : bytes), caption: "a" }];
    const args = { dataset_name: name, images };
    const call =
      path === "/mcp"
        ? {
            jsonrpc: "2.0",
            id: 1,
            method: "tools/call",
            params: { name: "upload_dataset", arguments: args },
          }
        : { tool: "upload_dataset", arguments: args };
    const { status, json } = await (large
      ? begunCall(subject.url + path, { bytes, body: call, token: server.token })
      : subject.send(path, { body: call }));
    expect(status, JSON.stringify(json)).toBe(413);
    const { data } = (json["error"] ?? {}) as { data?: Json };
    const { hint, link } = (data ?? json) as { hint: string; link: Json };
    expect(link, hint).toMatchObject({ dataset: name });
    expect(hint).toContain(link["url"]);
    expect(hint).toContain(link["curl_folder"]);
    const folder = await scratch();
    await writeFile(join(folder, "a.jpg"), jpeg);
    const { code, stderr } = await shell(String(link["curl_folder"]), folder);
    expect(code, stderr).toBe(0);
    expect(await filesOf(name)).toEqual(["a.jpg"]);
  });

  test("a key of a call that was too large stays free for the smaller one", async () => {
    const { server, subject, jpeg } = place();
    const body = (data: string) => ({
      tool: "upload_dataset",
      arguments: { dataset_name: "keyed", images: [{ filename: "a.jpg", data, caption: "a" }] },
    });
    const headers = { "idempotency-key": "one-and-only" };
    const large = await begunCall(`${subject.url}/mcp/execute`, {
      bytes: 65 * MIB,
      body: body("A"),
      token: server.token,
      headers,
    });
    expect([large.status, (large.json["link"] as Json)["dataset"]]).toEqual([413, "keyed"]);
    const small = await subject.send("/mcp/execute", { body: body(jpeg.toString("base64")), headers });
    expect(small.json).toMatchObject({ success: true });
  });

  test("more images than one call may have are refused with the link, too", async () => {
    const { subject } = place();
    const images = Array.from({ length: 10_001 }, () => ({}));
    const refused = await subject.execute("upload_dataset", { dataset_name: "many small", images });
    expect(refused).toMatchObject({ status: 413, code: "too_large" });
    expect(refused.hint).toContain("/files/");
  });
}
