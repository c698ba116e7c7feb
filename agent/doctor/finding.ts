// What a check of the doctor says.
export const STATUSES = ["ok", "warning", "error"] as const;
export type Status = (typeof STATUSES)[number];

export interface Finding {
  /** What was looked at, in one or two words. */
  readonly check: string;
  readonly status: Status;
  /** One sentence. */
  readonly message: string;
  /** The command that mends it, or what to do. */
  readonly fix?: string | undefined;
}

export const ok = (check: string, message: string): Finding => ({ check, status: "ok", message });
export const warning = (check: string, message: string, fix: string): Finding => ({
  check,
  status: "warning",
  message,
  fix,
});
export const error = (check: string, message: string, fix: string): Finding => ({
  check,
  status: "error",
  message,
  fix,
});
