// Callers that bring a JWT of somebody else's authorization server (Keycloak, Auth0, WorkOS, …): RFC 9068, RFC 8414.
import { createRemoteJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import * as v from "valibot";
import { SCOPES, type Scope } from "../../shared/contract.ts";
import { ToolError } from "../../shared/errors.ts";
import { type Authenticate, bearerOf } from "./authenticate.ts";

export interface OAuthOptions {
  /** The authorization server's identifier, as it stands in its tokens' `iss`. */
  readonly issuer: string;
  /** What its tokens must name in `aud`: by the MCP specification the URL of our endpoint. */
  readonly audience: string;
}

export interface JwtParts extends OAuthOptions {
  /** Told when the issuer cannot be asked for its keys. */
  readonly onTrouble: (error: unknown) => void;
  readonly fetch?: typeof fetch;
  readonly nowMs?: () => number;
}

/** Signatures made with a shared secret or none are no proof here. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** Its keys came too late, or something else came in their place. */
const ISSUERS_FAULT = new Set([errors.JWKSTimeout.code, errors.JOSEError.code, errors.JWKSInvalid.code]);
/** Clocks of two machines differ. */
const CLOCK_TOLERANCE_SECONDS = 30;
const DISCOVERY_TIMEOUT_MS = 5_000;
/** Anybody may send something like a JWT; an issuer that is down must not be asked for each. */
const RETRY_MS = 10_000;

const Metadata = v.looseObject({ issuer: v.string(), jwks_uri: v.pipe(v.string(), v.url()) });

/** Where an issuer's metadata may lie: RFC 8414 §3 (path inserted), then OpenID Connect Discovery (path appended). */
export function metadataUrls(issuer: string): string[] {
  const url = new URL(issuer);
  const path = url.pathname.replace(/\/$/, "");
  return [
    `${url.origin}/.well-known/oauth-authorization-server${path}`,
    `${url.origin}${path}/.well-known/openid-configuration`,
  ];
}

/** Where an issuer's keys are. @throws Error with why nobody can say */
export async function discover({
  issuer,
  fetch: get = fetch,
}: Pick<JwtParts, "issuer" | "fetch">): Promise<URL> {
  let problem: unknown = new Error(`${issuer} publishes no metadata`);
  for (const url of metadataUrls(issuer)) {
    try {
      const response = await get(url, {
        signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS),
        redirect: "manual", // to be followed by nobody; Workers know no "error"
      });
      if (!response.ok) continue;
      const metadata = v.parse(Metadata, await response.json());
      if (metadata.issuer !== issuer)
        throw new Error(`${url} is the metadata of another issuer, ${metadata.issuer}`);
      return new URL(metadata.jwks_uri);
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

/** Scopes stand in `scope` (RFC 9068), `scp` (Microsoft, Okta) or `permissions` (Auth0). Others than ours mean nothing here. */
export function scopesOf({ scope, scp, permissions }: JWTPayload): Scope[] {
  const words = [scope, scp, permissions].flatMap((claim) =>
    typeof claim === "string" ? claim.split(" ") : Array.isArray(claim) ? claim : [],
  );
  return SCOPES.filter((known) => words.includes(known));
}

/** Whether its text claims to be of this issuer, which anybody may claim. */
export function claimsIssuer(issuer: string, token: string): boolean {
  try {
    return decodeJwt(token).iss === issuer;
  } catch {
    return false; // no JWT at all
  }
}

/** Not the client's fault: told that its token is wrong, it would throw away a good one. */
const cannotCheck = (issuer: string) =>
  new ToolError("overloaded", `Tokens of ${issuer} cannot be checked now: it does not answer`, {
    hint: "Try again in ten seconds",
  });

/**
 * A live, rightly signed token for our audience is a caller; every other text is none.
 * @throws ToolError overloaded while the issuer cannot be asked for its keys
 */
export function jwtCallers(parts: JwtParts): Authenticate {
  const { issuer, audience, onTrouble, nowMs = () => performance.now() } = parts;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  const find = () => {
    if (keys) return keys;
    if (nowMs() - triedAtMs < RETRY_MS) return undefined;
    triedAtMs = nowMs();
    keys = discover(parts).then((url) => createRemoteJWKSet(url));
    keys.catch(() => {
      keys = undefined;
    });
    return keys;
  };
  return async (authorization) => {
    const token = bearerOf(authorization);
    if (token === undefined || !claimsIssuer(issuer, token)) return undefined;
    try {
      const known = await find();
      if (!known) throw cannotCheck(issuer);
      const { payload } = await jwtVerify(token, known, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ["exp"],
      });
      const subject = payload.sub ?? String(payload["client_id"] ?? "unknown");
      return { id: `${issuer}#${subject}`, label: subject, scopes: scopesOf(payload), canStepUp: true };
    } catch (error) {
      if (error instanceof ToolError) throw error;
      if (error instanceof errors.JOSEError && !ISSUERS_FAULT.has(error.code)) return undefined;
      onTrouble(error);
      throw cannotCheck(issuer);
    }
  };
}
