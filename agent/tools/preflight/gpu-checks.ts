// Is there a GPU, will the run get it, and will the model fit into it?
import { type GpuState, gpuTitle } from "../../gpus/gpu.ts";
import { asObject, asText } from "../configs/check.ts";
import type { Facts } from "./facts.ts";
import { blocksRealRun, isRehearsal, type MachineCheck, warning } from "./machine-check.ts";
import { agreed, presetsOf } from "./preset-of.ts";

/** Cards of "24 GB" have 22.5 to 24 GiB for their programs. */
const SAME_SIZE = 0.9;
/** A figure that was got with 3 or 4 bits says little about a card not half as large again. */
const ROOMY = 1.5;

const MIB_PER_GB = 1024;
const oneDigit = (gigabytes: number) => Math.round(gigabytes * 10) / 10;
const inGb = (mib: number | null) => (mib === null ? null : oneDigit(mib / MIB_PER_GB));

/** Those that the run may be given, the largest first. */
function candidates({ gpus, request }: Facts): readonly GpuState[] {
  const all = gpus?.kind === "gpus" ? gpus.gpus : [];
  const wished = request.gpu === null ? all : all.filter(({ uuid }) => uuid === request.gpu);
  return wished.toSorted(
    (a, b) => (b.totalMib ?? 0) - (a.totalMib ?? 0) || (b.freeMib ?? 0) - (a.freeMib ?? 0),
  );
}

/** The one that it gets at once; null: it waits, there is none, or nobody shares them out. */
export function gpuAtOnce({ place }: Facts): GpuState | null {
  return place?.starts ? place.gpu : null;
}

/** What the run would be given if it were to start at once, or else the largest of those it may get. */
const likeliest = (facts: Facts): GpuState | undefined => gpuAtOnce(facts) ?? candidates(facts)[0];

export interface Vram {
  /** GB that somebody has named (list_model_presets says who); null where nobody has. */
  readonly neededGb: number | null;
  /** The `qtype` that this figure is about, where it is a certain one. */
  readonly onlyWith: string | undefined;
  /** Of the GPU that is looked at. */
  readonly totalGb: number | null;
  readonly freeGb: number | null;
}

export function vramOf(facts: Facts): Vram {
  const presets = presetsOf(asObject(facts.run?.block.model));
  const gpu = likeliest(facts);
  return {
    neededGb: agreed(presets, ({ minVramGb }) => minVramGb) ?? null,
    onlyWith: agreed(presets, ({ minVramQtype }) => minVramQtype),
    totalGb: inGb(gpu?.totalMib ?? null),
    freeGb: inGb(gpu?.freeMib ?? null),
  };
}

/** Parts of a GPU are given to runs by the agent's own environment. */
const isShared = ({ environment }: Facts) => /MIG-/.test(environment["CUDA_VISIBLE_DEVICES"] ?? "");

function presence(facts: Facts) {
  const { gpus } = facts;
  if (gpus?.kind === "gpus" || isShared(facts) || isRehearsal(facts)) return [];
  return [
    warning(
      `No GPU to train on: ${gpus?.note ?? "the NVIDIA driver has not answered yet"}`,
      "Install the NVIDIA driver, or look after it; on a CPU a training takes weeks",
    ),
  ];
}

function vram(facts: Facts) {
  const gpu = likeliest(facts);
  const { neededGb, totalGb, onlyWith } = vramOf(facts);
  if (!gpu || neededGb === null || totalGb === null) return [];
  const model = asObject(facts.run?.block.model);
  const has = `${gpuTitle(gpu)} has ${totalGb} GB`;
  if (totalGb < neededGb * SAME_SIZE) {
    const text = `The model needs about ${neededGb} GB of VRAM, ${has}`;
    const larger = candidates(facts).find(
      ({ totalMib }) => (totalMib ?? 0) >= neededGb * SAME_SIZE * MIB_PER_GB,
    );
    const fix = larger
      ? `Pass gpu: ${larger.index}`
      : "Choose a smaller model (list_model_presets with max_vram_gb), or set model.layer_offloading: true";
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

/** Our own runs are no remark: the queue is made for them. */
function inUse(facts: Facts) {
  const { place } = facts;
  return [
    place !== undefined &&
      !place.starts &&
      place.looksAgain &&
      warning(
        `It waits in the queue: ${place.waitingFor}`,
        "End that program, or pass force: true not to wait for it",
      ),
  ];
}

export const GPU_CHECKS: readonly MachineCheck[] = [
  {
    name: "gpu",
    run: presence,
    ok: (facts) => {
      if (facts.gpus?.kind !== "gpus") return facts.gpus?.note ?? "The rehearsal needs none";
      return candidates(facts).map(gpuTitle).join(", ");
    },
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
    name: "queue",
    run: inUse,
    ok: ({ place }) => {
      if (!place) return "It starts when the GPUs have been looked at";
      if (!place.starts) return `It waits: ${place.waitingFor}`;
      return place.gpu ? `It starts at once on ${gpuTitle(place.gpu)}` : "It starts at once";
    },
  },
];
