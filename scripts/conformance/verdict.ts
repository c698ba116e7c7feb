// What the suite said against what it was expected to say.
import type { Expectations } from "./expectations.ts";
import type { Scenario } from "./suite.ts";

export interface Verdict {
  /** One line. */
  readonly summary: string;
  /** A line for each thing that is not as expected. */
  readonly problems: readonly string[];
}

type Check = Scenario["checks"][number];

const isBad = ({ status }: Check) => status === "FAILURE" || status === "WARNING";
/** A server with tools of its own cannot be tried with one that the suite invents. */
const isUntestable = ({ errorMessage }: Check) => errorMessage?.startsWith("Not testable") === true;

export function verdict(scenarios: readonly Scenario[], { fails, only }: Expectations): Verdict {
  const counted = scenarios.filter(({ name }) => only?.has(name) ?? true);
  const bad = (check: Check) => isBad(check) && !(only && isUntestable(check));
  const failing = counted.filter(({ checks }) => checks.some(bad));
  const unexpected = failing.filter(({ name }) => !(name in fails));
  const mended = counted.filter((scenario) => scenario.name in fails && !failing.includes(scenario));
  const missing = [...(only ?? []), ...Object.keys(fails)].filter(
    (wanted) => !counted.some(({ name }) => name === wanted),
  );
  const checks = counted.flatMap((scenario) => scenario.checks).filter(({ status }) => status === "SUCCESS");
  const expected = failing.length - unexpected.length;
  return {
    summary: [
      `${counted.length - failing.length} of ${counted.length} scenarios pass (${checks.length} checks)`,
      ...(expected > 0 ? [`${expected} fail as expected`] : []),
    ].join(", "),
    problems: [
      ...unexpected.flatMap(({ name, checks: all }) =>
        all.filter(bad).map(({ id, errorMessage = "" }) => `${name} fails: ${id} ${errorMessage}`),
      ),
      ...missing.map((name) => `${name} was not run`),
      ...mended.map(({ name }) => `${name} passes now: take it from the list of those that fail`),
    ],
  };
}
