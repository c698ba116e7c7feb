// Can the trainer log in to Hugging Face? Only whether; the token itself is nobody's business.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../../trainer/environment.ts";

const SET_IN_FILE = /^\s*(export\s+)?(HF_TOKEN|HUGGING_FACE_HUB_TOKEN)\s*=\s*\S/m;

async function textOf(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => ""); // missing or not ours to read: the trainer cannot use it either
}

/** Looks where huggingface_hub and ai-toolkit look: the environment, `.env` beside run.py, and `hf auth login`'s file. */
export async function hasHfToken(root: string, environment: Environment): Promise<boolean> {
  if (environment.HF_TOKEN || environment.HUGGING_FACE_HUB_TOKEN) return true;
  if (SET_IN_FILE.test(await textOf(join(root, ".env")))) return true;
  const cache = environment.XDG_CACHE_HOME ?? (environment.HOME && join(environment.HOME, ".cache"));
  const home = environment.HF_HOME ?? (cache && join(cache, "huggingface"));
  const file = environment.HF_TOKEN_PATH ?? (home && join(home, "token"));
  return file !== undefined && file !== "" && (await textOf(file)).trim() !== "";
}
