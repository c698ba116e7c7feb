// What this machine's NVIDIA driver can run.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { driverCuda } from "./torch.ts";

/** Without a persistent driver, waking eight GPUs takes many seconds. */
const TIMEOUT_MS = 30_000;

/** The newest CUDA that the driver knows; undefined: there is none. */
export async function machineCuda(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<readonly [number, number] | undefined> {
  const asked = promisify(execFile)("nvidia-smi", [], { env: { ...env }, timeout: TIMEOUT_MS });
  return await asked.then(
    ({ stdout }) => driverCuda(stdout),
    () => undefined, // no driver, or a broken one
  );
}
