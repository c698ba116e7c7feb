// Where to dial, from what a person writes after --router.

const SCHEMES: Readonly<Record<string, string>> = {
  "http:": "ws:",
  "https:": "wss:",
  "ws:": "ws:",
  "wss:": "wss:",
};

/** `https://host` → `wss://host/agent`. undefined when it is no address of a router. */
export function routerUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  const scheme = url ? SCHEMES[url.protocol] : undefined;
  if (!url || !scheme || url.username !== "" || url.search !== "" || url.hash !== "") return undefined;
  const path = url.pathname === "/" ? "/agent" : url.pathname.replace(/\/+$/, "");
  return URL.parse(`${scheme}//${url.host}${path}`) ?? undefined;
}

/** The token would cross the network for all to read. */
export function isOpenToEavesdroppers(url: URL): boolean {
  const isLoopback =
    url.hostname === "localhost" || url.hostname === "[::1]" || /^127(\.\d+){3}$/.test(url.hostname);
  return url.protocol === "ws:" && !isLoopback;
}
