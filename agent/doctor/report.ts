// Findings as lines for a person.
import { styleText } from "node:util";
import type { Finding, Status } from "./finding.ts";

const SIGNS: Readonly<
  Record<Status, { readonly sign: string; readonly colour: "green" | "yellow" | "red" }>
> = {
  ok: { sign: "✓", colour: "green" },
  warning: { sign: "!", colour: "yellow" },
  error: { sign: "✗", colour: "red" },
};
const WORD = "warning".length;
const CHECK = "GPU driver ".length;

/** Never more than what a line is: messages hold foreign text. */
const clean = (text: string) => text.replaceAll(/\p{Cc}/gu, " ");

export function findingLines({ check, status, message, fix }: Finding, colours: boolean): string[] {
  const { sign, colour } = SIGNS[status];
  const head = `${sign} ${status.padEnd(WORD)}`;
  const shown = colours ? styleText(colour, head, { validateStream: false }) : head;
  const line = `${shown}  ${check.padEnd(CHECK)}  ${clean(message)}`;
  return fix === undefined ? [line] : [line, `${" ".repeat(WORD + CHECK + 6)}→ ${clean(fix)}`];
}

export function summaryLine(findings: readonly Finding[]): string {
  const count = (status: Status) => findings.filter((each) => each.status === status).length;
  const [errors, warnings] = [count("error"), count("warning")];
  if (errors + warnings === 0) return "All is well.";
  return `${errors} ${errors === 1 ? "error" : "errors"}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
}
