// Why a training may not be started, as the one answer that start_training gives.
import { softError, ToolError } from "../../../shared/errors.ts";
import type { Report } from "./preflight.ts";

const join = (texts: readonly { readonly text: string }[]) => texts.map(({ text }) => text).join("; ");

/**
 * In the old server's order: no trainer, then what is wrong with the config, then what is in the way.
 * @param force warnings do not keep it from starting; errors always do
 * @returns undefined when nothing does
 */
export function refusalOf(
  config: string,
  { checks }: Pick<Report, "checks">,
  force: boolean,
): ToolError | undefined {
  const errors = checks.filter(({ level }) => level === "error");
  const missing = errors.find(({ refusal }) => refusal?.code === "trainer_missing");
  if (missing?.refusal) return missing.refusal;
  const ofConfig = errors.filter(({ isConfig }) => isConfig);
  if (ofConfig.length > 0) {
    return new ToolError("invalid_input", `'${config}' cannot be trained: ${join(ofConfig)}`, {
      hint: "Mend the configuration; preflight lists everything it finds, with a fix for each",
    });
  }
  const own = errors.find(({ refusal }) => refusal !== undefined);
  if (own?.refusal) return own.refusal;
  if (errors.length > 0) {
    return softError(
      "conflict",
      `'${config}' cannot be trained: ${join(errors)}`,
      { checks: errors.map(({ check }) => check) },
      errors[0]?.fix,
    );
  }
  const blocking = checks.filter(({ blocks }) => blocks);
  if (blocking.length === 0 || force) return undefined;
  return softError(
    "conflict",
    `'${config}' was not started: ${join(blocking)}`,
    { checks: blocking.map(({ check }) => check) },
    `${blocking[0]?.fix ?? ""}. To start all the same pass force: true`,
  );
}
