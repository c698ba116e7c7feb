// Many calls of one caller at once, against a real router and a real agent, and against the agent itself: all others are
// served meanwhile.
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { CALLER_MAX, TRANSFER } from "../../shared/protocol.ts";
import { runProgram, startProgram } from "../testing/program.ts";
import { startRouted } from "../testing/routed.ts";
import { putRun, type Server, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 60_000 });
const PATIENCE = { timeout: 20_000, interval: 25 };

interface Place extends Server {
  /** A token beside `token`. */
  readonly phone: string;
}

async function routed(): Promise<Place> {
  const server = await startRouted();
  const body = { label: "phone", scopes: ["read"] };
  const made = await subjectOf(server).send("/admin/tokens", { body });
  return { ...server, phone: String(made.json["secret"]) };
}

async function direct(mode: "standalone" | "server"): Promise<Place> {
  const program = await startProgram({ args: ["--mode", mode] });
  const args = ["token", "create", "--scope", "read", "--label", "phone", "--agent-data", program.data];
  const { stdout } = await runProgram(args);
  return { ...program, phone: stdout.trim() };
}

test.each([
  ["through a router", "/mcp/execute", routed],
  ["at a machine itself", "/mcp/execute", () => direct("standalone")],
  ["at a machine's REST server", "/execute", () => direct("server")],
])(
  "%s one caller's calls leave room for those of others, and for its own once they are given up",
  async (_where, path, start) => {
    const place = await start();
    onTestFinished(() => place.close());
    await putRun(subjectOf(place).paths, "held");
    const call = async (token: string | undefined, tool: string, args: object, signal?: AbortSignal) => {
      const response = await fetch(place.url + path, {
        method: "POST",
        body: JSON.stringify({ tool, arguments: args }),
        headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
        ...(signal && { signal }),
      });
      return { status: response.status, text: await response.text() };
    };
    const started = await call(place.token, "start_training", { config_name: "held", hold: true });
    const [, job_id] = /"job_id\\?": \\?"([\w-]+)/.exec(started.text.replaceAll("\\", "")) ?? [];
    expect(job_id, started.text).toBeDefined();

    const leaving = new AbortController();
    onTestFinished(() => leaving.abort());
    const waiting = Array.from({ length: CALLER_MAX.calls + 1 }, () =>
      call(place.phone, "wait_for_training", { job_id, seconds: 45 }, leaving.signal),
    );
    const over = Promise.allSettled(waiting);
    const refused = await Promise.race(waiting);
    expect(refused.status).toBe(503);
    expect(JSON.parse(refused.text)).toMatchObject({
      code: "overloaded",
      error: expect.stringContaining(`${CALLER_MAX.calls} calls`),
      hint: expect.stringContaining("Wait until one of them is answered"),
    });
    expect(await call(place.phone, "list_configs", {})).toMatchObject({ status: 503 });
    expect(await call(place.token, "list_configs", {})).toMatchObject({ status: 200 });
    leaving.abort();
    await over;
    await vi.waitFor(
      async () => expect(await call(place.phone, "list_configs", {})).toMatchObject({ status: 200 }),
      PATIENCE,
    );
  },
);

test("downloads that one caller does not read leave room for those of others", async () => {
  const place = await routed();
  onTestFinished(() => place.close());
  const [owner, phone] = [subjectOf(place), subjectOf({ ...place, token: place.phone })];
  const large = join(owner.paths.output, "large.ckpt");
  await writeFile(large, "");
  await truncate(large, 256 * 1024 * 1024); // more than all that is between the two takes up
  await writeFile(join(owner.paths.output, "small.ckpt"), "of that kind any bytes will do");
  const link = async (caller: typeof owner, name: string) =>
    String((await caller.call("create_download_link", { kind: "model", name }))["url"]);

  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const { signal } = leaving;
  const get = async (url: string) => await fetch(url, { signal });
  const links = await Promise.all(Array.from({ length: TRANSFER.atOnce + 1 }, () => link(phone, "large")));
  const theirs = await link(owner, "small");
  const stuck: Response[] = [];
  const begun = links.map(async (url) => void stuck.push(await get(url)));
  await vi.waitFor(() => expect(stuck.length).toBeGreaterThanOrEqual(TRANSFER.ofCallerAtOnce), PATIENCE);
  expect(await (await get(theirs)).text()).toContain("any bytes");
  expect(stuck.map(({ status }) => status)).toEqual(Array(TRANSFER.ofCallerAtOnce).fill(200));
  await stuck[0]?.body?.cancel();
  await vi.waitFor(() => expect(stuck).toHaveLength(TRANSFER.ofCallerAtOnce + 1), PATIENCE);
  leaving.abort();
  await Promise.allSettled(begun);
});
