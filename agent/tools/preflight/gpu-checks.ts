// Is there a GPU, and will the model fit into it?
import type { Gpu } from "../../../shared/tools/system.ts";
import { asObject, asText } from "../configs/check.ts";
import type { Facts } from "./facts.ts";
import { blocksRealRun, error, isRehearsal, type MachineCheck, warning } from "./machine-check.ts";
import { agreed, presetsOf } from "./preset-of.ts";

/** Cards of "24 GB" have 22.5 to 24 GiB for their programs. */
const SAME_SIZE = 0.9;
/** Of the memory in use when nothing of ours runs: more is another program, less a desktop. */
const BUSY = 0.25;
/** A figure that was got with 3 or 4 bits says little about a card not half as large again. */
const ROOMY = 1.5;

const MIB_PER_GB = 1024;
const oneDigit = (gigabytes: number) => Math.round(gigabytes * 10) / 10;

/** Those the trainer may see. */
function candidates({ gpus, environment, request }: Facts): readonly Gpu[] {
  const visible = environment["CUDA_VISIBLE_DEVICES"]?.split(",").map((each) => each.trim());
  const seen = visible?.some((each) => each !== "")
    ? gpus.devices.filter(({ index, uuid }) =>
        visible.some((each) => each === String(index) || uuid.startsWith(each)),
      )
    : gpus.devices;
  return request.gpu === undefined ? seen : gpus.devices.filter(({ index }) => index === request.gpu);
}

const freeMib = ({ memory_total_mib: total, memory_used_mib: used }: Gpu) =>
  total === null || used === null ? null : total - used;

/** The one asked for, else the one with the most memory, else of those the one with most of it free. */
export function chosenGpu(facts: Facts): Gpu | undefined {
  return candidates(facts).toSorted(
    (a, b) => (b.memory_total_mib ?? 0) - (a.memory_total_mib ?? 0) || (freeMib(b) ?? 0) - (freeMib(a) ?? 0),
  )[0];
}

export interface Vram {
  /** GB that the example files of ai-toolkit name; null where they name none. */
  readonly neededGb: number | null;
  /** The `qtype` that this figure is about, where it is a certain one. */
  readonly onlyWith: string | undefined;
  readonly freeGb: number | null;
  readonly totalGb: number | null;
}

export function vramOf(facts: Facts): Vram {
  const presets = presetsOf(asObject(facts.run?.block.model));
  const gpu = chosenGpu(facts);
  const total = gpu?.memory_total_mib ?? null;
  const free = gpu ? freeMib(gpu) : null;
  return {
    neededGb: agreed(presets, ({ minVramGb }) => minVramGb) ?? null,
    onlyWith: agreed(presets, ({ minVramQtype }) => minVramQtype),
    totalGb: total === null ? null : oneDigit(total / MIB_PER_GB),
    freeGb: free === null ? null : oneDigit(free / MIB_PER_GB),
  };
}

function presence(facts: Facts) {
  const { gpus, request } = facts;
  const indexes = gpus.devices.map(({ index }) => index).join(", ");
  if (request.gpu !== undefined && gpus.devices.length > 0 && candidates(facts).length === 0)
    return [
      error(`There is no GPU ${request.gpu} here, only ${indexes}`, "Choose one of these, or leave gpu out"),
    ];
  return [
    candidates(facts).length === 0 &&
      !isRehearsal(facts) &&
      warning(
        `No GPU to train on: ${gpus.note ?? `CUDA_VISIBLE_DEVICES hides them (${indexes})`}`,
        "Install the NVIDIA driver; on a CPU a training takes weeks",
      ),
  ];
}

function vram(facts: Facts) {
  const gpu = chosenGpu(facts);
  const { neededGb, totalGb, onlyWith } = vramOf(facts);
  if (!gpu || neededGb === null || totalGb === null) return [];
  const model = asObject(facts.run?.block.model);
  const has = `GPU ${gpu.index} (${gpu.name}) has ${totalGb} GB`;
  if (totalGb < neededGb * SAME_SIZE) {
    const text = `The model needs about ${neededGb} GB of VRAM, ${has}`;
    const fix =
      "Choose a smaller model (list_model_presets with max_vram_gb), or set model.layer_offloading: true";
    // Layers kept in main memory: slow, but who knows how little is enough then.
    return [model.layer_offloading === true ? warning(text, fix) : blocksRealRun(facts, text, fix)];
  }
  return [
    onlyWith !== undefined &&
      asText(model.qtype) !== onlyWith &&
      model.layer_offloading !== true &&
      totalGb < neededGb * ROOMY &&
      warning(
        `${neededGb} GB of VRAM are known to be enough with qtype ${onlyWith} only, and ${has}`,
        `Write model.qtype: ${onlyWith}`,
      ),
  ];
}

function inUse(facts: Facts) {
  const gpu = chosenGpu(facts);
  const { neededGb, totalGb, freeGb } = vramOf(facts);
  // What our own run takes is given back before the next one starts.
  if (!gpu || totalGb === null || freeGb === null || facts.jobs.running() > 0 || isRehearsal(facts))
    return [];
  const isShort = neededGb !== null && neededGb <= totalGb && freeGb < neededGb * SAME_SIZE;
  return [
    (isShort || totalGb - freeGb > totalGb * BUSY) &&
      warning(
        `Something else uses GPU ${gpu.index}: ${freeGb} of ${totalGb} GB are free`,
        "End that program before the run starts, or choose another GPU",
      ),
  ];
}

export const GPU_CHECKS: readonly MachineCheck[] = [
  {
    name: "gpu",
    run: presence,
    ok: (facts) =>
      candidates(facts)
        .map(({ index, name }) => `${index}: ${name}`)
        .join(", ") || "The rehearsal needs none",
  },
  {
    name: "vram",
    run: vram,
    ok: (facts) => {
      const { neededGb, totalGb } = vramOf(facts);
      const needs =
        neededGb === null ? "Nobody has said how much the model needs" : `Needs about ${neededGb} GB`;
      return `${needs}; ${totalGb === null ? "no GPU to compare with" : `there are ${totalGb} GB`}`;
    },
  },
  {
    name: "gpu in use",
    run: inUse,
    ok: ({ jobs }) =>
      jobs.running() > 0 ? "A training of ours runs; this one waits for it" : "Not by others",
  },
];
