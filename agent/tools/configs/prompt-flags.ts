// Sample prompts as ai-toolkit reads them: cut at every `--`, the rest taken as flags
// (`GenerateImageConfig._process_prompt_string` in toolkit/config_modules.py).

interface Form {
  readonly needs: string;
  readonly fits: (content: string) => boolean;
}

const NUMBER_PATTERN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

const anything: Form = { needs: "text", fits: () => true };
const integer: Form = { needs: "a whole number", fits: (content) => /^[+-]?\d+$/.test(content) };
const number: Form = { needs: "a number", fits: (content) => NUMBER_PATTERN.test(content) };
const numbers: Form = {
  needs: "numbers with commas between them",
  fits: (content) => content.split(",").every((each) => NUMBER_PATTERN.test(each.trim())),
};

const FLAGS: ReadonlyMap<string, Form> = new Map([
  ...["n", "p2", "n2", "ctrl_img"].map((flag) => [flag, anything] as const),
  ...["w", "h", "d", "seed", "s", "steps", "frames", "num_frames", "fps", "ctrl_idx"].map(
    (flag) => [flag, integer] as const,
  ),
  ...["l", "cfg", "m", "network_multiplier", "gr", "a", "ref"].map((flag) => [flag, number] as const),
  ...["ev", "extra_values"].map((flag) => [flag, numbers] as const),
]);

export interface PromptFlags {
  /** What ends the job when the first sample is made. */
  readonly errors: readonly string[];
  /** What is silently lost. */
  readonly warnings: readonly string[];
  /** Images that the trainer will open. */
  readonly controlImages: readonly string[];
}

const SHOWN_MAX = 40;

export function promptFlags(prompt: string): PromptFlags {
  const errors: string[] = [];
  const warnings: string[] = [];
  const controlImages: string[] = [];
  for (const piece of prompt.trim().split("--").slice(1)) {
    const flag = (piece.split(" ", 1)[0] ?? "").trim();
    const content = piece.slice(flag.length).trim();
    const form = FLAGS.get(flag);
    if (!form) {
      warnings.push(
        `everything after -- is read as a flag, so "--${piece.trim().slice(0, SHOWN_MAX)}" is cut off; write a dash or a comma instead`,
      );
    } else if (!form.fits(content)) {
      errors.push(`--${flag} needs ${form.needs}, not "${content.slice(0, SHOWN_MAX)}"`);
    } else if (flag === "ctrl_img") {
      controlImages.push(content);
    }
  }
  return { errors, warnings, controlImages };
}
