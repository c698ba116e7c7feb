// What every mode hands back to the command line.
export interface Running {
  /** Resolves with an exit code when the mode ends by itself: the client has gone, the router will never take us. */
  readonly ended: Promise<number>;
  /** Where it listens, or null. */
  readonly url: string | null;
  /** Resolves once what runs in the background has come round; a service manager is told that we are well. */
  check?(): Promise<void>;
  close(): Promise<void>;
}

/** sysexits.h EX_CONFIG: starting it again changes nothing before a person has. For systemd's RestartPreventExitStatus. */
export const EXIT_REFUSED = 78;
