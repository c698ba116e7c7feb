// What a client calls a GPU → the UUID of one that is here.
import { invalid, softError } from "../../shared/errors.ts";
import { type GpuSnapshot, type GpuState, gpuTitle } from "./gpu.ts";

const INDEX = /^(?:cuda:)?(\d{1,4})$/;

const listed = (gpus: readonly GpuState[]) => gpus.map((gpu) => `${gpuTitle(gpu)} = ${gpu.uuid}`).join(", ");

function isMeant(gpu: GpuState, given: string): boolean {
  const index = INDEX.exec(given)?.[1];
  return index === undefined ? gpu.uuid === given : gpu.index === Number(index);
}

/**
 * @param given "auto", an index as nvidia-smi counts, or a UUID
 * @returns a UUID; null: whichever is free
 * @throws ToolError invalid_input with those that there are
 */
export function chooseGpu(given: string | number, snapshot: GpuSnapshot | undefined): string | null {
  const text = String(given).trim();
  if (text === "auto" || text === "") return null;
  if (!snapshot) {
    throw softError("timeout", "The NVIDIA driver has not answered yet", {}, "Try again in a few seconds");
  }
  if (snapshot.kind !== "gpus") {
    throw invalid(`There is no GPU to choose: ${snapshot.note}`, "Leave gpu out");
  }
  const gpu = snapshot.gpus.find((each) => isMeant(each, text));
  if (gpu) return gpu.uuid;
  const known = `This server may use ${listed(snapshot.gpus)}`;
  if (text.includes(",")) throw invalid(`A run trains on one GPU, not on '${text.slice(0, 60)}'`, known);
  throw invalid(`There is no GPU '${text.slice(0, 60)}'`, `${known}; or say auto`);
}
