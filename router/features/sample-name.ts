// The names of a run's sample pictures: all of them on one sheet, a step's, or a single one.

export interface WantedSamples {
  readonly step?: number;
  readonly prompt?: number;
}

export const SHEET = "sheet";
const FORM = /^step-(\d{1,9})(?:-prompt-(\d{1,3}))?$/;

/** What get_training_samples is asked for; undefined when the name is none. */
export function samplesOf(name: string): WantedSamples | undefined {
  if (name === SHEET) return {};
  const [, step, prompt] = FORM.exec(name) ?? [];
  if (step === undefined) return undefined;
  return { step: Number(step), ...(prompt !== undefined && { prompt: Number(prompt) }) };
}

/** Every name there is, the newest step first. */
export function sampleNames(steps: readonly number[], prompts: readonly number[]): string[] {
  const newestFirst = [...steps].sort((a, b) => b - a).map((step) => `step-${step}`);
  const single = newestFirst.flatMap((step) => prompts.map((prompt) => `${step}-prompt-${prompt}`));
  return [SHEET, ...newestFirst, ...single];
}
