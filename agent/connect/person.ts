// Whose client it is. Under sudo, which making a token for the service takes, that is who typed it: root has no editor.
import { homedir } from "node:os";
import { userHome } from "../install/account.ts";
import { asUser, isRoot } from "../install/as-user.ts";

export interface Person {
  readonly home: string;
  /** What is read and written of theirs, is so with their rights. */
  as<T>(work: () => Promise<T>): Promise<T>;
}

/** @param env sudo says by SUDO_UID and SUDO_GID who called it */
export async function personOf(
  env: Readonly<Record<string, string | undefined>>,
  homeOf = userHome,
): Promise<Person> {
  const owner = { uid: Number(env["SUDO_UID"]), gid: Number(env["SUDO_GID"]) };
  const home = isRoot() && owner.uid > 0 && owner.gid > 0 ? await homeOf(owner.uid) : undefined;
  return home === undefined
    ? { home: homedir(), as: (work) => work() }
    : { home, as: (work) => asUser(owner, work) };
}
