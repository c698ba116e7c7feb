/** node:sqlite without a flag and type stripping came with it. */
const NEEDED = [22, 18] as const;

/** What to tell the user of a Node that cannot run us; undefined for one that can. */
export function tooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return undefined;
  return `mcp-ai-toolkit needs Node.js ${NEEDED.join(".")} or newer and this is ${version}: install Node 24 or 26, e.g. from https://nodejs.org, and run it again.`;
}
