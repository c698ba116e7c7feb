// Is a base model on this machine already? Only asked where the answer saves a download or a licence; the trainer finds
// out for itself.
import { access, readdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { Environment } from "../../trainer/environment.ts";

/** Where huggingface_hub keeps what it downloads; undefined without a home. */
export function hubCache(environment: Environment): string | undefined {
  if (environment.HF_HUB_CACHE) return environment.HF_HUB_CACHE;
  const cache = environment.XDG_CACHE_HOME ?? (environment.HOME && join(environment.HOME, ".cache"));
  const home = environment.HF_HOME || (cache && join(cache, "huggingface"));
  return home ? join(home, "hub") : undefined;
}

const REPOSITORY = /^([\w.-]+)\/([\w.-]+)(?:\/(.+))?$/;

/** `owner/name` of a Hugging Face address like `owner/name/file.safetensors`; undefined for any other text. */
export function repositoryOf(
  path: string,
): { readonly repository: string; readonly file: string | undefined } | undefined {
  const [, owner, name, file] = REPOSITORY.exec(path) ?? [];
  return owner && name && !isAbsolute(path) ? { repository: `${owner}/${name}`, file } : undefined;
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * True when the hub's cache holds a snapshot of the repository, or the named file of it, and nothing of it is half
 * downloaded. A snapshot may still lack files the trainer wants: then it downloads those.
 */
export async function isDownloaded(path: string, environment: Environment): Promise<boolean> {
  const address = repositoryOf(path);
  const cache = hubCache(environment);
  if (!address || !cache) return false;
  const folder = join(cache, `models--${address.repository.replace("/", "--")}`);
  const namesIn = (name: string) => readdir(join(folder, name)).catch((): string[] => []);
  const [snapshots, blobs] = await Promise.all([namesIn("snapshots"), namesIn("blobs")]);
  if (blobs.some((name) => name.endsWith(".incomplete"))) return false;
  const { file } = address;
  const found = await Promise.all(
    snapshots.map(async (name) =>
      file
        ? await exists(join(folder, "snapshots", name, file))
        : (await namesIn(join("snapshots", name))).length > 0,
    ),
  );
  return found.includes(true);
}
