// What a deployment on Workers is told: names and meanings are those of the environment variables on Node.
import type { DurableObjectNamespace } from "cloudflare:workers";
import type { OAuthOptions } from "./auth/jwt.ts";
import { type HostPolicy, hostPolicy } from "./hosts.ts";

export interface WorkerEnv {
  readonly ROUTER: DurableObjectNamespace;
  /** Secret. The owner's token, with all rights. */
  readonly MCP_AI_TOOLKIT_TOKEN?: string;
  /** Secret. A credential for all machines, beside those made by pairing. */
  readonly MCP_AI_TOOLKIT_AGENT_TOKEN?: string;
  /** An authorization server whose tokens are taken, too, and what they have to be for; both or none. */
  readonly MCP_AI_TOOLKIT_OAUTH_ISSUER?: string;
  readonly MCP_AI_TOOLKIT_OAUTH_AUDIENCE?: string;
  /** Host names beside *.workers.dev, separated by commas. */
  readonly MCP_AI_TOOLKIT_ALLOW_HOSTS?: string;
  /** Origins of web pages that may call, separated by commas. */
  readonly MCP_AI_TOOLKIT_ALLOW_ORIGINS?: string;
}

export function oauthOf(env: WorkerEnv): OAuthOptions | undefined {
  const { MCP_AI_TOOLKIT_OAUTH_ISSUER: issuer, MCP_AI_TOOLKIT_OAUTH_AUDIENCE: audience } = env;
  return issuer && audience ? { issuer, audience } : undefined;
}

const words = (text: string | undefined) =>
  (text ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");

export function policyOf({
  MCP_AI_TOOLKIT_ALLOW_HOSTS,
  MCP_AI_TOOLKIT_ALLOW_ORIGINS,
}: WorkerEnv): HostPolicy {
  // Where a Worker without a domain of its own is found. Cloudflare hands us no other's.
  return hostPolicy(
    [".workers.dev", ...words(MCP_AI_TOOLKIT_ALLOW_HOSTS)],
    words(MCP_AI_TOOLKIT_ALLOW_ORIGINS),
  );
}
