// The authorization server that an owner has named: its tokens at the door, and whether it is there at all.
import type { Log } from "../../shared/log.ts";
import type { Authenticate } from "./authenticate.ts";
import { discover, jwtCallers, type OAuthOptions } from "./jwt.ts";

export function issuerTokens(oauth: OAuthOptions, log: Log): Authenticate {
  const { issuer } = oauth;
  return jwtCallers({
    ...oauth,
    onTrouble: (err) => log.warn({ err, issuer }, "the authorization server cannot be asked for its keys"),
  });
}

/**
 * Says at once, in the log, what a wrong URL would otherwise tell only the first client. We go on either way: a server
 * whose issuer is down still serves its own tokens, and asks again with the next JWT.
 */
export async function tellOfIssuer({ issuer, audience }: OAuthOptions, log: Log): Promise<void> {
  try {
    await discover({ issuer });
    log.info({ issuer, audience }, "tokens of the authorization server are taken");
  } catch (err) {
    log.warn(
      { err, issuer },
      "the authorization server cannot be asked for its keys; is --oauth-issuer right? It is asked again when a token of it comes",
    );
  }
}
