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

const TOP_KEYS = ["job", "config", "meta"];
/** A whole block that is indented too little lands here. */
const CONFIG_KEYS = ["name", "process", "device"];

function keysAround(config: unknown): Finding[] {
  const fix = "A training's settings belong inside config.process[0]: move it there, or remove it";
  const outside = Object.keys(asObject(config)).filter((key) => !TOP_KEYS.includes(key));
  const inside = Object.keys(asObject(asObject(config).config)).filter((key) => !CONFIG_KEYS.includes(key));
  return [
    ...outside.map((key) => warning(`Unknown key '${key}' outside 'config' is ignored by the trainer`, fix)),
    ...inside.map((key) => warning(`Unknown key 'config.${key}' is ignored by the trainer`, fix)),
  ];
}

export const KEY_CHECKS: readonly Check[] = [
  {
    name: "unknown keys",
    run: ({ config, trainers }) =>
      trainers.length === 0
        ? [] // another kind of job has keys of its own
        : [...keysAround(config), ...trainers.flatMap(unknownKeys)].slice(0, MAX_FINDINGS),
  },
];
