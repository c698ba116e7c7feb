// What unfinished jobs hold on to. Deletes ask here first.

export interface InUse {
  /** The id of an unfinished job that reads or writes `path`, something inside it, or a folder around it. */
  jobUsing(path: string): string | undefined;
  /** The id of an unfinished job that was started from this config. */
  jobOfConfig(name: string): string | undefined;
}
