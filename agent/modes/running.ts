// What every mode hands back to the command line.
export interface Running {
  /** Resolves when the mode ends by itself (stdio: the client has gone). */
  readonly ended: Promise<void>;
  /** Where it listens, or null. */
  readonly url: string | null;
  close(): Promise<void>;
}
