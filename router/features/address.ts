// The addresses of what can be read: `job://ID/log`, `config://NAME`. Where there are several machines, `?machine=NAME`
// says on which one a name is.

const SCHEMES = ["job", "config", "dataset", "model"] as const;
export type Kind = (typeof SCHEMES)[number];

export interface Address {
  readonly kind: Kind;
  /** A job's id, or the name of a config, data set or model. */
  readonly name: string;
  /** What of it: "log", "samples/sheet", a data set's file. Empty: the thing itself. */
  readonly part: string;
  readonly machine?: string | undefined;
}

export const isKind = (scheme: string | undefined): scheme is Kind =>
  SCHEMES.some((known) => known === scheme?.toLowerCase());

const FORM = /^([a-z]+):\/\/([^/?#]+)(?:\/([^?#]*))?(?:\?machine=([^&#]+))?$/i;

/** undefined: it is none of ours. */
export function parseAddress(uri: string): Address | undefined {
  const [, scheme, name, part, machine] = FORM.exec(uri) ?? [];
  if (!isKind(scheme) || name === undefined) return undefined;
  try {
    return {
      kind: scheme.toLowerCase() as Kind,
      name: decodeURIComponent(name),
      part: decodeURIComponent(part ?? ""),
      machine: machine === undefined ? undefined : decodeURIComponent(machine),
    };
  } catch {
    return undefined; // a stray % sign
  }
}

export function formatAddress({ kind, name, part, machine }: Address): string {
  const path = part === "" ? "" : `/${part.split("/").map(encodeURIComponent).join("/")}`;
  const query = machine === undefined ? "" : `?machine=${encodeURIComponent(machine)}`;
  return `${kind}://${encodeURIComponent(name)}${path}${query}`;
}
