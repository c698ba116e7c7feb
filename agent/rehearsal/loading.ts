// The phase in which the real trainer loads gigabytes: its bars, its status lines, its pauses.
import { Bar } from "./bar.ts";
import type { Interrupt } from "./interrupt.ts";
import { isTransformer } from "./models.ts";
import type { Settings } from "./settings.ts";

export interface LoadingTools {
  readonly err: (text: string) => void;
  /** Goes to stdout and into the job row. */
  readonly announce: (text: string) => Promise<void>;
  readonly interrupt: Interrupt;
  readonly loadMs: number;
  /** Called when half is loaded: the place for things to go wrong. */
  readonly halfway: () => void;
}

/** Numbers of the recorded run. */
const PIPELINE_PARTS = 5;
const TEXT_ENCODER_WEIGHTS = 36;

export async function loadModel(arch: string, model: Settings["model"], tools: LoadingTools): Promise<void> {
  await (isTransformer(arch) ? loadTransformer(model, tools) : loadPipeline(tools));
}

async function loadPipeline({ err, interrupt, loadMs, halfway }: LoadingTools): Promise<void> {
  const pipeline = new Bar({
    total: PIPELINE_PARTS,
    description: "Loading pipeline components...",
    write: err,
  });
  await interrupt.pause(loadMs / 2);
  halfway();
  const weights = new Bar({
    total: TEXT_ENCODER_WEIGHTS,
    description: "Loading weights",
    nested: true,
    write: err,
  });
  weights.update(TEXT_ENCODER_WEIGHTS);
  weights.close();
  await interrupt.pause(loadMs / 2);
  pipeline.update(PIPELINE_PARTS);
  pipeline.close();
}

async function loadTransformer(model: Settings["model"], tools: LoadingTools): Promise<void> {
  const { announce, interrupt, loadMs, halfway } = tools;
  const quantizeTextEncoder = model.quantize_te ?? model.quantize;
  const phases = [
    "Loading transformer",
    ...(model.quantize ? ["Quantizing transformer"] : []),
    "Loading T5",
    ...(quantizeTextEncoder ? ["Quantizing T5"] : []),
    "Loading CLIP",
    "Loading VAE",
    "Making pipe",
    "Preparing Model",
  ];
  for (const [index, phase] of phases.entries()) {
    await announce(phase);
    await interrupt.pause(loadMs / phases.length);
    if (index === Math.floor(phases.length / 2)) halfway();
  }
  await announce("Model Loaded");
}
