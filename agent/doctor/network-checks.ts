// The port, the router, the clock, and who may come in.
import * as v from "valibot";
import { shellWord } from "../../shared/file-links.ts";
import { CALLED, inFolders } from "../called.ts";
import { isLoopback } from "../loopback.ts";
import type { Membership } from "../membership.ts";
import { error, type Finding, ok, warning } from "./finding.ts";

const TIMEOUT_MS = 10_000;
const Health = v.object({ server: v.string(), version: v.string() });

const reason = (thrown: unknown) => {
  const { message, cause } = thrown as Error;
  return cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || message : message;
};

function isRefused(thrown: unknown): boolean {
  const { cause } = thrown as Error;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

/** Ours, free, or somebody else's. @param expected the service is installed, so it should answer */
export async function portCheck(url: string, expected: boolean): Promise<Finding[]> {
  const { port } = new URL(url);
  try {
    const response = await fetch(new URL("/health", url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const answer = v.safeParse(Health, await response.json().catch(() => undefined));
    if (answer.success && answer.output.server === "ai-toolkit")
      return [ok("port", `${port}: this server answers, version ${answer.output.version}`)];
    return [
      error(
        "port",
        `${port} is taken by another program`,
        `see which: ss -tlnp 'sport = :${port}'; or choose another: --port`,
      ),
    ];
  } catch (thrown) {
    if (!isRefused(thrown))
      return [
        error(
          "port",
          `${port}: something is there and does not speak HTTP (${reason(thrown)})`,
          `ss -tlnp 'sport = :${port}'`,
        ),
      ];
    return [
      expected
        ? error("port", `${port}: nothing answers`, "sudo systemctl restart mcp-ai-toolkit")
        : ok("port", `${port} is free`),
    ];
  }
}

const DRIFT_WARNING_MS = 30_000;
const DRIFT_ERROR_MS = 300_000;

/** @param date the router's Date header, to the second */
export function clockFinding(date: string | null, now: Date): Finding[] {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return [];
  const offMs = Math.abs(now.getTime() - theirs);
  const seconds = Math.round(offMs / 1_000);
  if (offMs < DRIFT_WARNING_MS) return [ok("clock", "agrees with the router's")];
  const text = `is ${seconds} s off the router's: tokens expire at another time than it seems`;
  return [(offMs < DRIFT_ERROR_MS ? warning : error)("clock", text, "sudo timedatectl set-ntp true")];
}

export interface RouterQuestion {
  readonly router: Pick<Membership, "router"> & Partial<Membership>;
  /** It is the installed service that has joined. */
  readonly service: boolean;
  readonly folders: Parameters<typeof inFolders>[0];
  readonly now?: () => Date;
}

/** Reachable, does it still take this machine, and do the clocks agree? */
export async function routerChecks({
  router: { router, token, name },
  service,
  folders,
  now = () => new Date(),
}: RouterQuestion): Promise<Finding[]> {
  const signal = () => AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let health: unknown;
  try {
    response = await fetch(new URL("/health", router), { signal: signal(), redirect: "error" });
    health = await response.json().catch(() => undefined);
  } catch (thrown) {
    return [error("router", `${router} cannot be reached: ${reason(thrown)}`, `curl -v ${router}/health`)];
  }
  const clock = clockFinding(response.headers.get("date"), now());
  if (!response.ok)
    return [error("router", `${router} answers ${response.status}`, `curl -v ${router}/health`), ...clock];
  if (!v.is(Health, health))
    return [
      error("router", `${router} is no router: something else answers there`, `curl -v ${router}/health`),
      ...clock,
    ];
  if (token === undefined) return [ok("router", `${router} answers`), ...clock];
  const headers = { authorization: `Bearer ${token}` };
  // Without an upgrade it says only whether it knows the credential.
  const door = await fetch(new URL("/agent", router), { headers, signal: signal(), redirect: "error" });
  await door.body?.cancel();
  if (door.status === 401) {
    const join = service
      ? `sudo mcp-ai-toolkit install --router ${router}`
      : `${CALLED} join ${router} ${inFolders(folders)}`;
    const again = `mcp-ai-toolkit router pair there, then here: ${join} --name ${name} --code XXXX-XXXX`;
    return [
      error("router", `${router} no longer takes this machine: its credential was revoked`, again),
      ...clock,
    ];
  }
  return [ok("router", `${router} takes this machine as ${name}`), ...clock];
}

export interface TokenFacts {
  readonly label: string;
  readonly scopes: readonly string[];
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
}

export interface DoorFacts {
  readonly host: string;
  /** One of --token and its like. */
  readonly ownerToken: boolean;
  readonly insecure: boolean;
  readonly tokens: readonly TokenFacts[];
  readonly data: string;
  /** It is the installed service's. */
  readonly service: boolean;
  readonly now: Date;
}

const SOON_MS = 7 * 86_400_000;

/** Who may come in, and is it somebody at all? */
export function tokenFindings({
  host,
  ownerToken,
  insecure,
  tokens,
  data,
  service,
  now,
}: DoorFacts): Finding[] {
  const check = "tokens";
  const make = `${service ? "sudo mcp-ai-toolkit" : CALLED} token create --agent-data ${shellWord(data)} --scope train --label laptop`;
  const msLeft = ({ expires_at }: TokenFacts) =>
    expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at) - now.getTime();
  const live = tokens.filter((token) => token.revoked_at === null && msLeft(token) > 0);
  const listed = live.map(({ label, scopes }) => `${label} (${scopes.join(", ")})`).join(", ");
  const soon = live
    .filter((token) => msLeft(token) < SOON_MS)
    .map(({ label, expires_at }) =>
      warning(check, `"${label}" expires on ${expires_at?.slice(0, 10)}`, make),
    );
  if (insecure && !isLoopback(host))
    return [warning(check, `--insecure: anybody who reaches ${host} may do anything`, make)];
  if (ownerToken) return [ok(check, `one for everything${listed === "" ? "" : `; and ${listed}`}`), ...soon];
  if (live.length > 0) return [ok(check, listed), ...soon];
  return [
    isLoopback(host)
      ? ok(check, "none needed: only this machine reaches the server")
      : error(check, `the server listens on ${host}, and no token lets anybody in`, make),
  ];
}
