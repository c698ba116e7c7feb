// A line that can be cut, between a client and a server, and what goes through it although it is.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Line {
  /** The target's, through this line. */
  through(url: string): string;
  cut(): void;
  close(): void;
}

export async function line(target: string): Promise<Line> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.pipe(to);
      from.on("error", () => {}); // `close` follows
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    through: (url) => new URL(new URL(url).pathname, origin).href,
    cut,
    close() {
      server.close();
      cut();
    },
  };
}

const LOOK_MS = 20;

export interface CutTransfer {
  readonly line: Line;
  readonly bytes: number;
  /** What has arrived at the far end so far. */
  readonly arrived: () => Promise<number>;
  /** curl's arguments for going on. */
  readonly goOn: () => Promise<readonly string[]>;
}

/** Cuts a transfer once a quarter of it, a half, and three quarters have arrived. @returns how often it broke */
export async function cutThrice({ line, bytes, arrived, goOn }: CutTransfer): Promise<number> {
  let broke = 0;
  for (const share of [0.25, 0.5, 0.75, undefined]) {
    const child = spawn("curl", ["-gfsS", ...(await goOn())], { stdio: "ignore" });
    const ended = once(child, "close");
    if (share !== undefined) {
      while (isRunning(child) && (await arrived()) < share * bytes) await delay(LOOK_MS);
      line.cut();
    }
    const [code] = await ended;
    if (code !== 0) broke += 1;
    if (share === undefined && code !== 0) throw new Error(`curl ended with ${code}`);
  }
  return broke;
}

const isRunning = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;
