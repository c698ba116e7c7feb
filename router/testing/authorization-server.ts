// For tests: a real authorization server (oidc-provider) on loopback, which gives out JWTs for any resource.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

const CLIENT = { client_id: "claude", client_secret: "secret-of-the-test-client" };

export interface AuthorizationServer {
  readonly issuer: string;
  /** What it signs with. Its `kid` is "test". */
  readonly privateKey: CryptoKey;
  tokenFor(scope: string, resource: string): Promise<string>;
  close(): void;
}

/** One that nobody listens on now. */
export async function freePort(): Promise<number> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, "close");
  return port;
}

/** @param port an issuer is named by its address, so that comes first */
export async function startAuthorizationServer(port: number): Promise<AuthorizationServer> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), use: "sig", kid: "test", alg: "RS256" };
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{ ...CLIENT, grant_types: ["client_credentials"], response_types: [], redirect_uris: [] }],
    jwks: { keys: [jwk] },
    scopes: ["read", "train", "admin"],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          audience: resource,
          scope: "read train admin",
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
        }),
      },
    },
  });
  const server = provider.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    issuer,
    privateKey,
    async tokenFor(scope, resource) {
      const response = await fetch(`${issuer}/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", scope, resource, ...CLIENT }),
      });
      const { access_token } = (await response.json()) as { access_token: string };
      return access_token;
    },
    close: () => void server.close(),
  };
}
