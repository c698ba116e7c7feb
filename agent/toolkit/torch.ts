// Which torch: the versions that ai-toolkit's own README names, built for what this machine's driver can do. Pure.
import { UsageError } from "../usage-error.ts";

/** Builds that PyTorch offers, by the CUDA that a driver must know, the newest first. */
const BUILDS = [
  { cuda: [13, 0], name: "cu130" },
  { cuda: [12, 8], name: "cu128" },
  { cuda: [12, 6], name: "cu126" },
] as const;
const INDEX = "https://download.pytorch.org/whl";
/** In place of an index: the one that pip is set to use. */
export const PIPS_OWN = "pip";

export const indexFlags = (index: string) => (index === PIPS_OWN ? [] : ["--index-url", index]);

/** From the head of nvidia-smi's table: `CUDA Version: 12.8`. */
export function driverCuda(smi: string): readonly [number, number] | undefined {
  const [, major, minor] = /CUDA Version:\s*(\d+)\.(\d+)/.exec(smi) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

/** @param cuda what the driver knows; undefined: no NVIDIA GPU @throws UsageError for a driver that is too old */
export function torchIndex(cuda: readonly [number, number] | undefined): string {
  if (cuda === undefined) return `${INDEX}/cpu`;
  const [major, minor] = cuda;
  const build = BUILDS.find(({ cuda: [a, b] }) => major > a || (major === a && minor >= b));
  if (build) return `${INDEX}/${build.name}`;
  throw new UsageError(
    `The NVIDIA driver knows CUDA ${major}.${minor} and torch needs 12.6: update the driver, or name a build: --torch-index ${INDEX}/cu118`,
  );
}

const PACKAGES = ["torch", "torchvision", "torchaudio"] as const;

/** The versions in the README's first line that installs torch, else whatever is newest. */
export function torchPackages(readme: string): string[] {
  const line = readme.split("\n").find((each) => /pip3? install\b.*\btorch==/.test(each)) ?? "";
  return PACKAGES.map((name) => {
    const [pinned] = new RegExp(`\\b${name}==[\\w.]+`).exec(line) ?? [];
    return pinned ?? name;
  });
}
