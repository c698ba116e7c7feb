// The Worker's object sleeps when nothing is to do, while its machines stay connected.
import { expect, test, vi } from "vitest";
import WebSocket from "ws";
import { CLOSE } from "../../shared/protocol.ts";
import { AGENT_TOKEN, CLIENT_TOKEN } from "../testing/routed.ts";
import { subjectOf } from "../testing/subject.ts";
import { startWorker, startWorkerRouted } from "../testing/worker.ts";

/** Asking wakes it, so it is not asked again before it may have slept: workerd evicts an idle object after some 10 s. */
const SLEEPS = { timeout: 150_000, interval: 14_000 };

async function lifeOf(url: string): Promise<string> {
  const response = await fetch(`${url}/life`, { headers: { authorization: `Bearer ${CLIENT_TOKEN}` } });
  expect(response.status).toBe(200);
  return response.text();
}

test.concurrent("a call to an object that was evicted reaches the machine over the same socket", {
  timeout: 180_000,
}, async () => {
  const routed = await startWorkerRouted({}, { entry: "router/testing/probed-worker.ts" });
  const { url, agent } = routed;
  try {
    const { call } = subjectOf(routed);
    await call("create_training_config", { name: "before", dataset_path: "cats" });
    const first = await lifeOf(url);
    await vi.waitFor(async () => expect(await lifeOf(url)).not.toBe(first), SLEEPS);
    expect(await call("list_machines")).toMatchObject({ machines: [{ name: "box", online: true }] });
    expect(await call("list_configs")).toMatchObject({ configs: [expect.anything()] });
    expect(await call("delete_config", { name: "before" })).toMatchObject({ success: true });
    expect(agent.log().match(/connected to the router/g)).toHaveLength(1);
    expect(agent.log()).not.toContain("no link to the router");
  } finally {
    await routed.close();
  }
});

/** The code with which a machine's socket ends at a Worker of its own. */
async function closeCode(onOpen: (socket: WebSocket) => void = () => {}): Promise<number> {
  const worker = await startWorker();
  try {
    const headers = { authorization: `Bearer ${AGENT_TOKEN}` };
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/agent`, { headers });
    return await new Promise((resolve, reject) => {
      socket.on("open", () => onOpen(socket));
      socket.on("close", resolve);
      socket.on("error", reject);
    });
  } finally {
    await worker.close();
  }
}

test.concurrent("a link that never says who it is is closed, though the object has no timers", {
  timeout: 60_000,
}, async () => {
  expect(await closeCode()).toBe(CLOSE.silent);
});

test.concurrent("whoever closes a socket that may sleep is answered, and does not wait for it in vain", {
  timeout: 60_000,
}, async () => {
  const code = await closeCode((socket) => socket.close(CLOSE.normal, "leaving"));
  expect(code).not.toBe(1006); // what `ws` says when it has given up waiting
});
