/** A sentence for the person at the terminal; the process ends with `exitCode`. */
export class UsageError extends Error {
  readonly exitCode: number;
  /** Already printed (help, version, commander's own messages). */
  readonly printed: boolean;
  constructor(message: string, exitCode = 2, printed = false) {
    super(message);
    this.exitCode = exitCode;
    this.printed = printed;
  }
}
