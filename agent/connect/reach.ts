// Who can reach an address: only this machine, the network at home, or the world; and with what.
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { isLoopback } from "../loopback.ts";

const home = new BlockList();
for (const [address, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
  ["100.64.0.0", 10], // carriers' and tailnets'
  ["127.0.0.0", 8],
  ["0.0.0.0", 8],
] as const)
  home.addSubnet(address, bits, "ipv4");
for (const [address, bits] of [
  ["fc00::", 7],
  ["fe80::", 10],
  ["::1", 128],
] as const)
  home.addSubnet(address, bits, "ipv6");

/** Names of home networks; a name without a dot is one, too. */
const HOME_NAME = /^[^.]+$|\.(local|lan|home|internal|localdomain|home\.arpa)$/i;

const hostOf = ({ hostname }: URL) => hostname.replace(/^\[(.*)\]$/, "$1");

/** Can a vendor's cloud call it? They want https. */
export function isPublic(url: URL): boolean {
  const host = hostOf(url);
  const version = isIP(host);
  if (url.protocol !== "https:") return false;
  return version === 0 ? !HOME_NAME.test(host) : !home.check(host, version === 6 ? "ipv6" : "ipv4");
}

export const isThisMachine = (url: URL) => isLoopback(hostOf(url));

/** Under which others on the network reach this machine. */
export function lanAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}

const ASK_MS = 5_000;

/** On loopback most ask for none. One that does not run yet is taken for one of these. */
export async function asksForToken(url: URL): Promise<boolean> {
  const asked = fetch(new URL("/mcp/tools", url), { redirect: "error", signal: AbortSignal.timeout(ASK_MS) });
  return await asked.then(
    async ({ status, body }) => {
      await body?.cancel();
      return status === 401;
    },
    () => false,
  );
}
