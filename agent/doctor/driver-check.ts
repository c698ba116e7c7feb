// The NVIDIA driver, as nvidia-smi tells of it.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { error, type Finding, ok } from "./finding.ts";

/** Without a persistent driver, waking eight GPUs takes many seconds. */
const TIMEOUT_MS = 30_000;
const QUERY = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];

export async function driverCheck(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Finding[]> {
  const options = { env: { ...environment }, timeout: TIMEOUT_MS, killSignal: "SIGKILL" } as const;
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", QUERY, options);
    const gpus = stdout
      .trim()
      .split("\n")
      .filter((line) => line !== "");
    if (gpus.length === 0)
      return [
        error(
          "GPU driver",
          "nvidia-smi shows no GPU",
          "nvidia-smi; is the card seated, and its module loaded?",
        ),
      ];
    return gpus.map((line) => {
      const [name = line, memory = "?", driver = "?"] = line.split(", ");
      return ok("GPU driver", `${driver}: ${name}, ${memory}`);
    });
  } catch (thrown) {
    const { code, stdout, stderr, message, killed } = thrown as Error & {
      readonly code?: unknown;
      readonly stdout?: string;
      readonly stderr?: string;
      readonly killed?: boolean;
    };
    if (code === "ENOENT") {
      const install = "install NVIDIA's driver (Ubuntu: sudo ubuntu-drivers install), then reboot";
      return [error("GPU driver", "there is no nvidia-smi: this machine has no NVIDIA driver", install)];
    }
    if (killed)
      return [
        error(
          "GPU driver",
          `nvidia-smi did not answer within ${TIMEOUT_MS / 1_000} s`,
          "reboot; dmesg tells more",
        ),
      ];
    const said = (stdout || stderr || message).trim().split("\n")[0] ?? "";
    return [error("GPU driver", said.slice(0, 300), "after an update of the driver: reboot")];
  }
}
