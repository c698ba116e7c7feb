// What the checks look at: everything known of a run at this moment, and nothing that has to be fetched.
import type { Gpu } from "../../../../shared/tools/system.ts";
import type { Phase, Warning } from "../../../../shared/tools/training.ts";
import type { TrainerKind } from "../../../trainer/trainer.ts";
import type { DiskForecast } from "../disk-forecast.ts";
import type { LoggedValue } from "../loss-log.ts";
import type { BlowUp } from "../loss-stats.ts";

export interface Watched {
  readonly trainer: TrainerKind;
  readonly phase: Phase;
  /** Seconds since the last byte of the log and the last logged step. */
  readonly quietSeconds: number | null;
  /** Measured in this run; null before. */
  readonly stepSeconds: number | null;
  readonly saveSeconds: number | null;
  readonly samplingSeconds: number | null;
  /** The newest losses, oldest first. */
  readonly losses: readonly LoggedValue[];
  readonly blowUp: BlowUp | null;
  /** The beginning and the end of the log. */
  readonly logHead: string;
  readonly logTail: string;
  readonly disk: DiskForecast | undefined;
  /** All of the machine, and the one the run uses, if that is known. */
  readonly gpus: readonly Gpu[];
  readonly gpu: Gpu | undefined;
}

/** A pure look at one kind of trouble. False alarms are worse than silence: in doubt it says nothing. */
export type Check = (watched: Watched) => Warning | undefined;
