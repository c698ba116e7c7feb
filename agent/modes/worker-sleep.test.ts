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

test.concurrent("a link that never says who it is is closed, though the object has no timers", {
  timeout: 60_000,
}, async () => {
  const worker = await startWorker();
  try {
    const headers = { authorization: `Bearer ${AGENT_TOKEN}` };
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/agent`, { headers });
    const code = await new Promise((resolve, reject) => {
      socket.on("close", resolve);
      socket.on("error", reject);
    });
    expect(code).toBe(CLOSE.silent);
  } finally {
    await worker.close();
  }
});

test.concurrent("whoever closes a socket that may sleep is answered, and does not wait for it in vain", {
  timeout: 60_000,
}, async () => {
  const worker = await startWorker();
  try {
    const headers = { authorization: `Bearer ${AGENT_TOKEN}` };
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/agent`, { headers });
    const code = await new Promise((resolve, reject) => {
      socket.on("open", () => socket.close(CLOSE.normal, "leaving"));
      socket.on("close", resolve);
      socket.on("error", reject);
    });
    expect(code).not.toBe(1006); // what `ws` says when it has given up waiting
  } finally {
    await worker.close();
  }
});
