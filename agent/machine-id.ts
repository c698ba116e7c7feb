// A machine keeps its id when it is given another name or address: it belongs to the state folder.
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";

/** Reads it, or makes it on the first start. */
export async function machineIdOf(file: string): Promise<string> {
  try {
    await writeFile(file, `${randomUUID()}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const id = (await readFile(file, "utf8")).trim();
  // Cut off by a full disk or a power loss: a new one is as good.
  if (id !== "") return id.slice(0, 100);
  await writeFile(file, `${randomUUID()}\n`, { mode: 0o600 });
  return (await readFile(file, "utf8")).trim();
}
