import type { Check } from "./watched.ts";

const GIB = 1024 ** 3;
const gib = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`;

export const diskForecast: Check = ({ disk }) => {
  if (!disk || disk.lowest >= 0) return undefined;
  return {
    code: "disk_forecast",
    message: `The disk will be full before the run ends: ${gib(disk.freeBytes)} are free, ${gib(-disk.lowest)} too few for its checkpoints and samples.`,
    hint: "Free space now (old runs, checkpoints, caches); for the next run keep fewer with save.max_step_saves_to_keep",
  };
};
