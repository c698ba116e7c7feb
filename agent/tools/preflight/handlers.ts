import type { Handlers } from "../../../shared/contract.ts";
import type { preflightTools } from "../../../shared/tools/preflight.ts";
import type { Request } from "./facts.ts";
import type { Report } from "./preflight.ts";
import { refusalOf } from "./refusal.ts";

export interface PreflightParts {
  /** @throws ToolError when there is no such config or it cannot be read */
  readonly preflight: (request: Request) => Promise<Report>;
}

export const preflightHandlers = ({ preflight }: PreflightParts): Handlers<typeof preflightTools> => ({
  async preflight({ config_name, resume, gpu }) {
    const report = await preflight({ config: config_name, resume, gpu });
    const { checks, will } = report;
    const texts = (level: "error" | "warning") =>
      checks.filter((each) => each.level === level).map(({ text }) => text);
    return {
      config: config_name,
      ready: refusalOf(config_name, report, false) === undefined,
      will,
      checks: checks.map(({ check, level, text, fix, blocks }) => ({
        check,
        level,
        message: text,
        fix: fix || null,
        ...(blocks && { blocks }),
      })),
      errors: texts("error"),
      warnings: texts("warning"),
    };
  },
});
