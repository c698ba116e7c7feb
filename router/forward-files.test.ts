// Requests for files as the router passes them on, to agents at the other end of a link in memory.
import { expect, test } from "vitest";
import { machineTag } from "../shared/file-links.ts";
import { type Hello, VERSIONS } from "../shared/protocol.ts";
import { fileRequest } from "../shared/tools/transfers.ts";
import { forwardFiles } from "./forward-files.ts";
import { connectAgent, testFleet } from "./testing/fleet.ts";
import { Transfers } from "./transfers.ts";

const WINDOW = 2 ** 20;
const MACHINE = "0a1b2c3d";
const LINK = `http://router/files/${machineTag(MACHINE)}${"x".repeat(12)}${"y".repeat(22)}`;

const linkMakers = { makerOf: () => undefined };

/** @returns the router's answer to a request for a file, and what the agent was asked for */
async function request(versions: Hello["versions"]) {
  const asked: unknown[] = [];
  const fleet = testFleet();
  await connectAgent(fleet, {
    hello: { machine_id: MACHINE, versions },
    async serve(tool, input) {
      asked.push([tool, (input as { window?: number }).window]);
      return { answer: { status: 404, headers: [], body: "no such link" } };
    },
  });
  const files = forwardFiles({
    hub: fleet.hub,
    transfers: new Transfers({ windowBytes: WINDOW }),
    linkMakers,
  });
  const response = await files(new Request(LINK));
  return { status: response.status, text: await response.text(), asked };
}

test("an agent is asked for files, and told how much may be under way, from the version on that knows it", async () => {
  const asking = (window?: number) => ({
    status: 404,
    text: "no such link",
    asked: [[fileRequest.name, window]],
  });
  expect(await request(VERSIONS)).toEqual(asking(WINDOW));
  expect(await request({ min: 1, max: 2 })).toEqual(asking());
  const answer = await request({ min: 1, max: 1 });
  expect(answer).toMatchObject({ status: 502, text: expect.stringContaining("too old"), asked: [] });
});

test("a link of which two machines say that it is theirs leads to the one whose credential has the id, else nowhere", async () => {
  const asked: string[] = [];
  const fleet = testFleet();
  const files = forwardFiles({ hub: fleet.hub, transfers: new Transfers(), linkMakers });
  const connect = (name: string, tokenId?: string) =>
    connectAgent(fleet, {
      hello: { name, machine_id: `${MACHINE} of ${name}` },
      credential: { tokenId },
      async serve() {
        asked.push(name);
        return { answer: { status: 404, headers: [], body: "no such link" } };
      },
    });
  await connect("copy");
  await connect("another");
  const nowhere = await files(new Request(LINK));
  expect(nowhere.status).toBe(409);
  expect(await nowhere.json()).toMatchObject({
    code: "conflict",
    hint: expect.stringContaining("machine-id"),
  });
  await connect("own", "a credential");
  expect((await files(new Request(LINK))).status).toBe(404);
  expect(asked).toEqual(["own"]);
});
