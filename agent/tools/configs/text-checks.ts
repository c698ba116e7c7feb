// Text in a config that the trainer does not take literally.
import { asList, asObject, asText, type Check, error, type Finding, type Process, warning } from "./check.ts";
import { promptFlags } from "./prompt-flags.ts";

/** The trainer's own pattern (toolkit/config.py); it runs over the whole file, comments included. */
const VARIABLE = /\$\{([^}]+)\}/;

function promptsOf({ block }: Process): string[] {
  const sample = asObject(block.sample);
  const listed = Array.isArray(sample.samples)
    ? sample.samples.map((each) => asObject(each).prompt)
    : asList(sample.prompts);
  return listed.map(asText).filter((each) => each !== undefined);
}

function sampleShape({ at, block }: Process): Finding[] {
  const sample = asObject(block.sample);
  const findings: Finding[] = [];
  if (typeof sample.prompts === "string") {
    findings.push(
      error(
        `${at}'sample.prompts' is a text, not a list: every letter would become a prompt`,
        'Write prompts: ["…"]',
      ),
    );
  }
  if (
    sample.samples !== undefined &&
    !asList(sample.samples).every((each) => typeof each === "object" && each !== null)
  ) {
    findings.push(
      error(
        `${at}'sample.samples' must be a list of blocks like {prompt: "…"}; a list of texts is called 'prompts'`,
        "Rename the key to prompts",
      ),
    );
  }
  return findings;
}

/** YAML takes 2024 for a number and `no` for a truth value; the trainer finds out when it comes to sampling. */
function notTexts({ at, block }: Process): Finding[] {
  const sample = asObject(block.sample);
  const places: [path: string, value: unknown][] = [
    ...asList(sample.prompts).map((prompt, i): [string, unknown] => [`sample.prompts[${i}]`, prompt]),
    ...asList(sample.samples).map((each, i): [string, unknown] => [
      `sample.samples[${i}].prompt`,
      asObject(each).prompt,
    ]),
  ];
  // Without one, and where it is said that there is none, we write an empty one.
  const negatives: [path: string, value: unknown][] = [
    ["sample.neg", sample.neg],
    ...asList(sample.samples).map((each, i): [string, unknown] => [
      `sample.samples[${i}].neg`,
      asObject(each).neg,
    ]),
  ];
  const wrong = [...places, ...negatives.filter(([, value]) => value !== false)].filter(
    ([, value]) => value !== undefined && value !== null && typeof value !== "string",
  );
  return wrong.map(([path]) => error(`${at}'${path}' is not a text`, "Put it in quotes"));
}

export const TEXT_CHECKS: readonly Check[] = [
  {
    name: "environment variables",
    run: ({ text, config }) => {
      // Also what an escape of YAML hides: a run gets the parsed config, written anew.
      const name = (VARIABLE.exec(text) ?? VARIABLE.exec(JSON.stringify(config) ?? ""))?.[1];
      if (name === undefined) return [];
      return [
        error(
          `The text contains \${${name.slice(0, 40)}}: ai-toolkit replaces it by an environment variable, or stops if there is none; write the value itself`,
          "Write the value itself, without ${",
        ),
      ];
    },
  },
  { name: "sample shape", run: ({ trainers }) => trainers.flatMap(sampleShape) },
  { name: "sample texts", run: ({ trainers }) => trainers.flatMap(notTexts) },
  {
    name: "prompt flags",
    run: ({ trainers }) =>
      trainers.flatMap((process) =>
        promptsOf(process).flatMap((prompt, index) => {
          const { errors, warnings } = promptFlags(prompt);
          const at = `${process.at}Prompt ${index}: `;
          return [
            ...errors.map((text) => error(at + text, "Mend or remove the flag")),
            ...warnings.map((text) => warning(at + text, "Write a dash or a comma instead of --")),
          ];
        }),
      ),
  },
];
