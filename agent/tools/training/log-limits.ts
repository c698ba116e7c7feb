/** What logs and the other private files of jobs may take. */
export interface LogLimits {
  /** One job's log; beyond, its middle is left out. */
  readonly maxBytes: number;
  /** How long after its end the folder of a job is kept. */
  readonly keepDays: number;
  /** All job folders together; beyond, those of the jobs that ended first go. */
  readonly totalBytes: number;
}
