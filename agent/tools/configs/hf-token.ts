// The token with which the trainer logs in to Hugging Face. Mostly only whether there is one is asked: the token itself
// is nobody's business but the hub's.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Environment } from "../../trainer/environment.ts";

const SET_IN_FILE = /^\s*(?:export\s+)?(?:HF_TOKEN|HUGGING_FACE_HUB_TOKEN)\s*=\s*["']?([^\s"']+)/m;

async function textOf(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => ""); // missing or not ours to read: the trainer cannot use it either
}

/** Looks where huggingface_hub and ai-toolkit look: the environment, `.env` beside run.py, and `hf auth login`'s file. */
export async function hfToken(root: string, environment: Environment): Promise<string | undefined> {
  const own = environment.HF_TOKEN || environment.HUGGING_FACE_HUB_TOKEN;
  if (own) return own;
  const [, written] = SET_IN_FILE.exec(await textOf(join(root, ".env"))) ?? [];
  if (written !== undefined) return written;
  const cache = environment.XDG_CACHE_HOME ?? (environment.HOME && join(environment.HOME, ".cache"));
  const home = environment.HF_HOME ?? (cache && join(cache, "huggingface"));
  const file = environment.HF_TOKEN_PATH ?? (home && join(home, "token"));
  return file ? (await textOf(file)).trim() || undefined : undefined;
}

export const hasHfToken = async (root: string, environment: Environment) =>
  (await hfToken(root, environment)) !== undefined;
