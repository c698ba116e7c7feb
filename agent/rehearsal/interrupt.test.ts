import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test, vi } from "vitest";

/** Says "sleeping", then what became of its sleep; after that it sleeps in little naps until its stdin ends. */
const SLEEPER = `
  const { takeSigint } = await import(${JSON.stringify(join(import.meta.dirname, "interrupt.ts"))});
  const interrupt = takeSigint();
  let ended = false;
  process.stdin.on("end", () => (ended = true)).resume();
  console.log("sleeping");
  await interrupt.pause(600_000).catch((error) => console.log("woken by " + error.constructor.name));
  while (!ended) await interrupt.pause(1);
  await interrupt.pause(0);
  console.log("left in peace");
`;

test("the first SIGINT ends a sleep, a second one disturbs nobody", async () => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", SLEEPER], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  const says = (line: string) =>
    vi.waitFor(() => expect(text).toContain(line), { timeout: 30_000, interval: 10 });
  await says("sleeping");
  child.kill("SIGINT");
  await says("woken by KeyboardInterrupt");
  child.kill("SIGINT");
  child.stdin.end();
  expect(await exited).toEqual([0, null]);
  await says("left in peace");
});
