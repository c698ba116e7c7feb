// Keys that the trainer does not read.
import { asList, asObject, type Check, type Finding, isObject, type Process, warning } from "./check.ts";
import { KNOWN_KEYS } from "./known-keys.ts";
import { didYouMean } from "./nearest.ts";

type Block = keyof typeof KNOWN_KEYS;

/** A block of a process by the path people know it by, and which keys it may have. */
function blocksOf({ block }: Process): [path: string, keys: Block, value: unknown][] {
  const train = asObject(block.train);
  const sample = asObject(block.sample);
  return [
    ["", "process", block],
    ["save", "save", block.save],
    ["logging", "logging", block.logging],
    ["network", "network", block.network],
    ["train", "train", train],
    ["train.ema_config", "ema_config", train.ema_config],
    ["train.validation_config", "validation_config", train.validation_config],
    ["model", "model", block.model],
    ["sample", "sample", sample],
    ...asList(sample.samples).map((each, i): [string, Block, unknown] => [
      `sample.samples[${i}]`,
      "samples",
      each,
    ]),
    ...asList(block.datasets).map((each, i): [string, Block, unknown] => [
      `datasets[${i}]`,
      "datasets",
      each,
    ]),
  ];
}

/** More would only repeat the same mistake. */
const MAX_FINDINGS = 20;

function unknownKeys(process: Process): Finding[] {
  return blocksOf(process).flatMap(([path, keys, value]) => {
    if (!isObject(value)) return [];
    const known = KNOWN_KEYS[keys];
    return Object.keys(value)
      .filter((key) => !known.includes(key))
      .map((key) => {
        const where = path === "" ? key : `${path}.${key}`;
        return warning(
          `${process.at}Unknown key '${where}' is ignored by the trainer${didYouMean(key, known)}`,
          "Mend its name or remove it",
        );
      });
  });
}

export const KEY_CHECKS: readonly Check[] = [
  {
    name: "unknown keys",
    run: ({ trainers }) => trainers.flatMap(unknownKeys).slice(0, MAX_FINDINGS),
  },
];
