// Which router this machine has joined, and the credential it got there: <state>/router.json, readable by its owner alone.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { CALLED } from "./called.ts";
import { placeFile } from "./files/atomic.ts";
import { closing, folderInside } from "./files/sandbox.ts";

const Membership = v.object({
  /** Origin of the router, e.g. https://train.example.org. */
  router: v.pipe(v.string(), v.url()),
  /** What this machine is called there. */
  name: v.string(),
  token: v.string(),
});
export type Membership = v.InferOutput<typeof Membership>;

const FILE = "router.json";
const fileOf = (state: string) => join(state, FILE);

/** @returns the file's path */
export async function saveMembership(state: string, membership: Membership): Promise<string> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  const file = fileOf(state);
  const text = `${JSON.stringify(membership, null, 2)}\n`;
  await closing(await folderInside(state, "", "output"), (folder) =>
    placeFile(folder, FILE, { overwrite: true }, (path) =>
      writeFile(path, text, { mode: 0o600, flag: "wx" }),
    ),
  );
  return file;
}

/** undefined: it has joined none. @throws Error when the file is there and cannot be understood */
export async function readMembership(state: string): Promise<Membership | undefined> {
  const file = fileOf(state);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return v.parse(Membership, JSON.parse(text));
  } catch {
    throw new Error(
      `${file} is damaged; join the router again: ${CALLED} join https://ROUTER --code XXXX-XXXX`,
    );
  }
}
