// What was asked of each sample: the prompts and seeds of a run's config.
import * as v from "valibot";

export interface SamplePrompt {
  readonly text: string;
  readonly seed: number | null;
}

const Item = v.union([
  v.string(),
  v.looseObject({ prompt: v.optional(v.string(), ""), seed: v.optional(v.number()) }),
]);
const Config = v.object({
  config: v.object({
    process: v.tupleWithRest(
      [
        v.object({
          sample: v.optional(
            v.object({
              seed: v.optional(v.number(), 0),
              walk_seed: v.optional(v.boolean(), false),
              prompts: v.optional(v.array(Item)),
              samples: v.optional(v.array(Item)),
            }),
            {},
          ),
        }),
      ],
      v.unknown(),
    ),
  }),
});

/** In an answer beside many others; get_config has them whole. */
const TEXT_MAX_CHARS = 300;
const shortened = (text: string) =>
  text.length > TEXT_MAX_CHARS ? `${text.slice(0, TEXT_MAX_CHARS).toWellFormed()}…` : text;

/** In the order of the sample numbers; empty when the config says nothing about them. */
export function promptsOf(config: unknown): SamplePrompt[] {
  const parsed = v.safeParse(Config, config);
  if (!parsed.success) return [];
  const { seed, walk_seed, prompts, samples } = parsed.output.config.process[0].sample;
  return (samples ?? prompts ?? []).map((item, index) => {
    const flag = typeof item === "string" ? /--(?:d|seed) (\d+)/.exec(item)?.[1] : undefined;
    const own = typeof item === "string" ? (flag === undefined ? undefined : Number(flag)) : item.seed;
    return {
      text: shortened(typeof item === "string" ? item : item.prompt),
      // With walk_seed each prompt gets the next seed (toolkit/config_modules.py, SampleConfig).
      seed: own ?? (walk_seed ? seed + index : seed),
    };
  });
}
