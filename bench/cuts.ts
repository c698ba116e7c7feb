// A line between a client and a server that can be cut, and what goes through it although it is.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Line {
  /** Where the target is reached through it. */
  readonly url: string;
  /** The most bytes that a client has sent on one connection. */
  longestUpBytes(): number;
  /** Resets all open connections. @returns how many there were */
  cut(): number;
  close(): void;
}

export async function line(target: string): Promise<Line> {
  const { hostname, port } = new URL(target);
  const open = new Map<Socket, Socket>();
  let longest = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    open.set(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to);
      from.on("error", () => {}); // `close` follows
      from.on("close", () => {
        open.delete(near);
        longest = Math.max(longest, near.bytesRead);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    const pairs = [...open];
    for (const socket of pairs.flat()) socket.resetAndDestroy();
    return pairs.length;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    longestUpBytes: () => longest,
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
  /** The shell's command that begins, or goes on. */
  readonly command: () => Promise<string>;
  /** The command itself goes on after a cut. */
  readonly isPatient?: boolean;
}

/** Cuts a transfer once a quarter of it, a half, and three quarters have arrived. @returns how often there was one to cut */
export async function cutThrice(transfer: CutTransfer): Promise<number> {
  const { line, bytes, arrived, command, isPatient = false } = transfer;
  const begin = async () => spawn("/bin/sh", ["-c", await command()], { stdio: "ignore" });
  let cuts = 0;
  let child = await begin();
  for (const share of [0.25, 0.5, 0.75]) {
    while (isRunning(child) && (await arrived()) < share * bytes) await delay(LOOK_MS);
    // Between two parts there is nothing to cut.
    while (isRunning(child) && line.cut() === 0) await delay(1);
    if (isRunning(child)) cuts += 1;
    if (isPatient) continue;
    if (isRunning(child)) await once(child, "close");
    child = await begin();
  }
  if (isRunning(child)) await once(child, "close");
  if (child.exitCode !== 0) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
  return cuts;
}

const isRunning = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;
