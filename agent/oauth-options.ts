// Whose JWTs are taken, beside our own tokens.
import type { Command } from "commander";
import { isLoopback } from "./loopback.ts";
import { type Environment, envOption } from "./option-values.ts";
import { UsageError } from "./usage-error.ts";

export interface IssuerOptions {
  /** Exactly as it stands in the tokens' `iss`. */
  readonly issuer: string;
  readonly audience: string;
}

export interface OAuthFlags {
  oauthIssuer?: string;
  oauthAudience?: string;
}

export function withOAuthFlags(command: Command): Command {
  return command
    .addOption(
      envOption(
        "--oauth-issuer <url>",
        "MCP_AI_TOOLKIT_OAUTH_ISSUER",
        "take JWTs of this authorization server, too, by their scopes read, train, admin",
      ),
    )
    .addOption(
      envOption(
        "--oauth-audience <url>",
        "MCP_AI_TOOLKIT_OAUTH_AUDIENCE",
        "whom they must be for: the URL under which clients reach us, e.g. https://train.example.org/mcp",
      ),
    );
}

/** @throws UsageError */
export function oauthOptions(
  flags: OAuthFlags,
  env: Environment,
  insecure: boolean,
): IssuerOptions | undefined {
  const issuer = flags.oauthIssuer ?? env["MCP_AI_TOOLKIT_OAUTH_ISSUER"];
  const audience = flags.oauthAudience ?? env["MCP_AI_TOOLKIT_OAUTH_AUDIENCE"];
  if (issuer === undefined && audience === undefined) return undefined;
  if (issuer === undefined || audience === undefined)
    throw new UsageError("--oauth-issuer and --oauth-audience go together: whose tokens, and for whom");
  const url = URL.parse(issuer);
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "")
    throw new UsageError(`--oauth-issuer must be a URL, e.g. https://login.example.org, not "${issuer}"`);
  if (url.protocol === "http:" && !isLoopback(url.hostname) && !insecure)
    throw new UsageError(`--oauth-issuer ${issuer}: use https, or its keys could be changed on the way`);
  if (!/^https?:$/.test(URL.parse(audience)?.protocol ?? ""))
    throw new UsageError(
      `--oauth-audience must be a URL, e.g. https://train.example.org/mcp, not "${audience}"`,
    );
  return { issuer, audience };
}
