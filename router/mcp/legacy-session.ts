// The session id of the old era, as a mere label. Nothing is kept under it: it only says again, with each request, which
// questions its client can answer, and which client a cancellation comes from. So any id is as good as any other, and one
// from before a restart still says what it said.
import type { ClientCapabilities } from "@modelcontextprotocol/server";

/** A letter for each thing that we might ask a client for. */
const LETTERS: Readonly<Record<string, ClientCapabilities>> = {
  e: { elicitation: { form: {} } },
  u: { elicitation: { url: {} } },
  s: { sampling: {} },
  r: { roots: {} },
};

/** `capabilities` as a client declared them. */
export function newSessionId(capabilities: unknown): string {
  const { elicitation, sampling, roots } = isObject(capabilities) ? capabilities : {};
  const modes = isObject(elicitation) ? Object.keys(elicitation) : [];
  const letters = [
    isObject(elicitation) && (modes.includes("form") || !modes.includes("url")) && "e", // {} means forms
    modes.includes("url") && "u",
    isObject(sampling) && "s",
    isObject(roots) && "r",
  ].filter((letter) => letter !== false);
  const uuid = crypto.randomUUID();
  return letters.length > 0 ? `${uuid}.${letters.join("")}` : uuid;
}

/** undefined: the label says of nothing that the client can do it. */
export function capabilitiesIn(sessionId: string | null): ClientCapabilities | undefined {
  const [, letters] = /^[0-9a-f-]{36}\.([a-z]{1,8})$/.exec(sessionId ?? "") ?? [];
  if (letters === undefined) return undefined;
  const found: ClientCapabilities = {};
  for (const letter of letters) {
    const { elicitation, ...others } = LETTERS[letter] ?? {};
    Object.assign(found, others, elicitation && { elicitation: { ...found.elicitation, ...elicitation } });
  }
  return found;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
