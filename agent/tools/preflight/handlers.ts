import type { Handlers } from "../../../shared/contract.ts";
import type { preflightTools } from "../../../shared/tools/preflight.ts";
import { chooseGpu } from "../../gpus/choice.ts";
import type { Machine, Request } from "./facts.ts";
import type { Report } from "./preflight.ts";
import { refusalOf } from "./refusal.ts";

export interface PreflightParts {
  /** @throws ToolError when there is no such config or it cannot be read */
  readonly preflight: (request: Request) => Promise<Report>;
  readonly gpus: Machine["gpus"];
}

export const preflightHandlers = ({ preflight, gpus }: PreflightParts): Handlers<typeof preflightTools> => ({
  async preflight({ config_name, resume, gpu }) {
    const wished = chooseGpu(gpu, await gpus());
    const report = await preflight({ config: config_name, resume, gpu: wished });
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
