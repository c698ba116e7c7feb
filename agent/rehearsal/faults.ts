// What a rehearsal can be told to suffer: `kind` or `kind@step`. The README of faults is in main.ts.
import { type Frame, PythonError } from "./python.ts";

/** Happen once, at a step; `step` counts completed steps. */
const AT_A_STEP = [
  "oom",
  "nan",
  "nan-zeroed",
  "hang",
  "dies",
  "silent",
  "crash",
  "floods",
  "invalid-utf8",
  "truncated",
  "disk-full",
] as const;
/** Hold for the whole run; a step has no meaning for them. */
const ALL_ALONG = [
  "oom-load",
  "gated",
  "ignores-sigint",
  "ignores-sigterm",
  "orphans",
  "escapes",
  "slow-exit",
] as const;

export const FAULT_KINDS = [...AT_A_STEP, ...ALL_ALONG] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  readonly step: number;
}

/** @throws PythonError when it is none of FAULT_KINDS: a misspelt fault must not pass as a run without one. */
export function parseFault(text: string | undefined, totalSteps: number): Fault | undefined {
  if (text === undefined || text === "") return undefined;
  const [, name, step] = /^([a-z0-9-]+)(?:@(\d+))?$/.exec(text) ?? [];
  const kind = FAULT_KINDS.find((known) => known === name);
  if (kind === undefined) {
    throw new PythonError(
      "ValueError",
      `Unknown rehearsal fault "${text}". Known: ${FAULT_KINDS.join(", ")}`,
    );
  }
  return {
    kind,
    step: step === undefined ? Math.floor(totalSteps / 2) : Number(step),
  };
}

const LOAD_MODEL: Frame = {
  file: "jobs/process/BaseSDTrainProcess.py",
  line: 1806,
  scope: "run",
  code: "self.sd.load_model()",
};
const TRAIN_LOOP: Frame = {
  file: "jobs/process/BaseSDTrainProcess.py",
  line: 2619,
  scope: "run",
  code: "loss_dict = self.hook_train_loop(batch_list)",
};
const SAVE: Frame = {
  file: "jobs/process/BaseSDTrainProcess.py",
  line: 2672,
  scope: "run",
  code: "self.save(self.step_num)",
};

export const outOfMemoryWhileLoading = () =>
  new PythonError(
    "torch.OutOfMemoryError",
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB of which 1.12 GiB is free. " +
      "Including non-PyTorch memory, this process has 22.52 GiB memory in use. Of the allocated memory 22.05 GiB is " +
      "allocated by PyTorch, and 32.26 MiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is " +
      "large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation for " +
      "Memory Management  (https://pytorch.org/docs/stable/notes/cuda.html#environment-variables)",
    [LOAD_MODEL],
  );

/** In the words of huggingface_hub's hf_raise_for_status; with a token it is 403: the licence was not accepted. */
export function gatedRepo(model: string, hasToken: boolean): PythonError {
  const why = hasToken
    ? `Access to model ${model} is restricted and you are not in the authorized list. Visit https://huggingface.co/${model} to ask for access.`
    : `Access to model ${model} is restricted. You must have access to it and be authenticated to access it. Please log in.`;
  return new PythonError(
    "huggingface_hub.errors.GatedRepoError",
    `${hasToken ? 403 : 401} Client Error. (Request ID: Root=1-00000000-rehearsal)\n\n` +
      `Cannot access gated repo for url https://huggingface.co/${model}/resolve/main/model_index.json.\n${why}`,
    [LOAD_MODEL],
  );
}

/** How many steps in a row may run out of memory; the next one is the end. */
export const OOM_STEPS_FORGIVEN = 3;

export function oomBanner(attempt: number): string {
  const rule = "#".repeat(48);
  return `\n${rule}\n# OOM during training step, skipping batch ${attempt}/${OOM_STEPS_FORGIVEN} #\n${rule}\n`;
}

export const outOfMemoryWhileTraining = () =>
  new PythonError("RuntimeError", "OOM during training step 3 times in a row, aborting training", [
    TRAIN_LOOP,
  ]);

export const crash = () =>
  new PythonError(
    "RuntimeError",
    "CUDA error: an illegal memory access was encountered\n" +
      "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.\n" +
      "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\n" +
      "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n",
    [TRAIN_LOOP],
  );

export const diskFull = () => new PythonError("OSError", "[Errno 28] No space left on device", [SAVE]);
