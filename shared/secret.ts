// What may stand between the world and a router.

const MIN_CHARS = 16;

/** What is wrong with a secret that somebody chose; undefined: nothing. */
export function secretProblem(secret: string): string | undefined {
  if (secret.length >= MIN_CHARS && !/\s/.test(secret)) return undefined;
  return `must have at least ${MIN_CHARS} characters and no blanks; make one with: openssl rand -hex 32`;
}
