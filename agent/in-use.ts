// What unfinished runs hold on to, ours and those that others have started. Whatever deletes or overwrites asks here first.

/** An unfinished run. */
export interface User {
  /** For sentences, e.g. "the training job 1234" or "the ai-toolkit web UI's job 'cats' (pid 4711)". */
  readonly title: string;
  /** What sets free what it uses: the beginning of a hint, e.g. "Stop the job with stop_training". */
  readonly remedy: string;
}

export interface InUse {
  /**
   * An unfinished run that reads or writes one of these, something inside it, or a folder around it.
   * @param paths everything a run may know the thing by: its path, its real path, what a link leads to
   */
  userOf(paths: readonly string[]): Promise<User | undefined>;
  /** The id of an unfinished job of ours that was started from this config. */
  jobOfConfig(name: string): string | undefined;
}
