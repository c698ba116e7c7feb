// For tests: a process between an agent and its router that is as bad a network as it is told to be.
//   node bad-network.ts HOST:PORT    prints {"port":…}; each line on stdin is a weather, answered by the same line
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

export const WEATHERS = [
  /** Connections are as they should be, and those that were stalled go on. */
  "fair",
  /** Open connections are reset. */
  "cut",
  /** Whatever is sent on open connections is lost from now on, and nobody is told: not even when one end goes. */
  "vanish",
  /** The same, but only for what the agent sends. */
  "vanish-upwards",
  /** What is sent waits, on new connections, too. */
  "stall",
  /** Open connections are reset, and new ones refused. */
  "down",
] as const;
export type Weather = (typeof WEATHERS)[number];

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  lost: "nothing" | "all" | "upwards";
}

if (import.meta.main) await main(process.argv[2] ?? "");

async function main(target: string): Promise<void> {
  const [host, port] = target.split(":");
  let weather: Weather = "fair";
  const pairs = new Set<Pair>();

  const carry = (pair: Pair, from: Socket, to: Socket) => {
    const isLost = () => pair.lost === "all" || (pair.lost === "upwards" && from === pair.near);
    from.on("data", (bytes) => isLost() || to.write(bytes));
    from.on("close", () => pair.lost === "all" || to.destroy());
    from.on("error", () => {});
  };
  const server = createServer((near) => {
    if (weather === "down") {
      near.resetAndDestroy();
      return;
    }
    const pair: Pair = { near, far: connect(Number(port), host), lost: "nothing" };
    pairs.add(pair);
    carry(pair, near, pair.far);
    carry(pair, pair.far, near);
    if (weather === "stall") pause(pair);
    near.on("close", () => pairs.delete(pair));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));

  for await (const line of createInterface({ input: process.stdin })) {
    const next = WEATHERS.find((each) => each === line);
    if (!next) throw new Error(`no such weather: ${line}`);
    for (const pair of [...pairs]) change(pair, next);
    weather = next === "stall" || next === "down" ? next : "fair";
    console.log(next);
  }
  process.exit(0);
}

function pause({ near, far }: Pair): void {
  near.pause();
  far.pause();
}

function change(pair: Pair, weather: Weather): void {
  switch (weather) {
    case "fair":
      pair.near.resume();
      pair.far.resume();
      break;
    case "stall":
      pause(pair);
      break;
    case "vanish":
      pair.lost = "all";
      break;
    case "vanish-upwards":
      pair.lost = "upwards";
      break;
    case "cut":
    case "down":
      pair.near.resetAndDestroy();
      pair.far.resetAndDestroy();
  }
}
