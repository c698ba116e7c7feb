// For tests, loaded in front of the program: it is killed with -9 right before or right after one call that changes the
// disk, which no signal from outside could hit.
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

export interface Death {
  readonly when: "before" | "after";
  readonly call: "link" | "rename" | "writeFile";
  /** Of its arguments, with blanks between. */
  readonly with: RegExp;
}

/** The environment of a program that dies so. */
export const dyingAt = (death: Death): Record<string, string> => ({
  NODE_OPTIONS: `--import ${import.meta.url}`,
  TEST_DIE_AT: JSON.stringify({ ...death, with: death.with.source }),
});

const told = process.env["TEST_DIE_AT"];
if (told !== undefined) {
  const { when, call, with: source } = JSON.parse(told);
  const calls = fs as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const real = calls[call];
  const die = () => {
    process.kill(process.pid, "SIGKILL");
    return new Promise<never>(() => {});
  };
  calls[call] = async (...args) => {
    const isIt = new RegExp(source).test(args.join(" "));
    if (isIt && when === "before") return await die();
    const result = await real?.(...args);
    return isIt ? await die() : result;
  };
  syncBuiltinESMExports();
}
