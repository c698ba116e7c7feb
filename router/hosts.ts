// Which Host and Origin a request may name. A page on evil.example that resolves to our address still says
// `Host: evil.example`; that is how DNS rebinding is told from an honest call.

export interface HostPolicy {
  /** Host names without port, lower case. `.example.org` stands for every name below example.org. */
  readonly hosts: ReadonlySet<string>;
  /** Origins (`https://app.example`) of web pages that may call; none by default. */
  readonly origins: ReadonlySet<string>;
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

export function hostPolicy(hosts: readonly string[] = [], origins: readonly string[] = []): HostPolicy {
  return {
    hosts: new Set([...LOOPBACK, ...hosts].map((host) => host.toLowerCase())),
    origins: new Set(origins.map((origin) => origin.toLowerCase())),
  };
}

/** `localhost:8012` → `localhost`; `[::1]:8012` → `[::1]`. */
function hostName(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

function isKnown({ hosts }: HostPolicy, name: string): boolean {
  if (hosts.has(name)) return true;
  const dot = name.indexOf(".");
  return dot > 0 && isBelow(hosts, name.slice(dot));
}

/** @param suffix with its dot in front */
function isBelow(hosts: HostPolicy["hosts"], suffix: string): boolean {
  if (hosts.has(suffix)) return true;
  const dot = suffix.indexOf(".", 1);
  return dot > 0 && isBelow(hosts, suffix.slice(dot));
}

export function isAllowedHost(policy: HostPolicy, host: string): boolean {
  return isKnown(policy, hostName(host));
}

/** Why a request is refused, or undefined. Requests without Origin come from programs, not from web pages. */
export function refusal(
  policy: HostPolicy,
  host: string | undefined,
  origin: string | undefined,
): string | undefined {
  if (!host || !isAllowedHost(policy, host)) return `Invalid Host: ${(host ?? "").slice(0, 100)}`;
  if (origin === undefined || policy.origins.has(origin.toLowerCase())) return undefined;
  const own = URL.canParse(origin) ? new URL(origin) : undefined;
  return own && own.host.toLowerCase() === host.toLowerCase()
    ? undefined
    : `Invalid Origin: ${origin.slice(0, 100)}`;
}
