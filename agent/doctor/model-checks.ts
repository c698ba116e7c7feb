// Hugging Face: is there a token, and does it open the base models that the configs name?
import * as v from "valibot";
import { knownModel } from "../../shared/presets.ts";
import type { Paths } from "../paths.ts";
import { listConfigNames, readConfigFile } from "../tools/configs/config-file.ts";
import { isDownloaded, repositoryOf } from "../tools/configs/hf-cache.ts";
import { hfToken } from "../tools/configs/hf-token.ts";
import type { Environment } from "../trainer/environment.ts";
import { error, type Finding, ok, warning } from "./finding.ts";

const Config = v.object({
  config: v.object({
    process: v.array(v.object({ model: v.optional(v.object({ name_or_path: v.optional(v.string()) })) })),
  }),
});

/** Repositories of base models, each with a config that names it. Broken configs are validate_config's business. */
async function wantedModels(paths: Paths): Promise<Map<string, string>> {
  const wanted = new Map<string, string>();
  for (const name of await listConfigNames(paths)) {
    const file = await readConfigFile(paths, name).catch(() => undefined);
    const parsed = v.safeParse(Config, file?.value);
    if (!parsed.success) continue;
    for (const { model } of parsed.output.config.process) {
      const repository = repositoryOf(model?.name_or_path ?? "")?.repository;
      if (repository !== undefined && !wanted.has(repository)) wanted.set(repository, name);
    }
  }
  return wanted;
}

export interface ModelQuestion {
  readonly paths: Paths;
  /** Where `.env` may lie beside run.py. */
  readonly toolkit: string;
  readonly environment: Environment;
  /** Ask nobody. */
  readonly offline: boolean;
}

const TIMEOUT_MS = 10_000;
const SET_TOKEN =
  "make one at https://huggingface.co/settings/tokens and set HF_TOKEN for this server (installed: in /etc/mcp-ai-toolkit/service.env)";

export async function modelChecks({
  paths,
  toolkit,
  environment,
  offline,
}: ModelQuestion): Promise<Finding[]> {
  const token = await hfToken(toolkit, environment);
  const findings = [
    token === undefined
      ? warning("HF token", "there is none, so gated models cannot be downloaded", SET_TOKEN)
      : ok("HF token", "there is one"),
  ];
  for (const [repository, config] of await wantedModels(paths)) {
    if (await isDownloaded(repository, environment)) {
      findings.push(ok("base model", `${repository} is on this machine`));
    } else {
      const endpoint = environment.HF_ENDPOINT ?? "https://huggingface.co";
      const answer = offline ? undefined : await askHub(endpoint, repository, token);
      findings.push(accessFinding(repository, config, answer, token !== undefined));
    }
  }
  return findings;
}

/** huggingface_hub's own question, auth_check(). @returns the status; undefined when nobody answers */
async function askHub(
  endpoint: string,
  repository: string,
  token: string | undefined,
): Promise<number | undefined> {
  const url = new URL(`/api/models/${repository}/auth-check`, endpoint);
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
  try {
    // A token goes nowhere but to the hub.
    const response = await fetch(url, {
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return undefined; // no network: said as such
  }
}

/** `status`: the hub's answer; undefined: it was not asked, or did not answer. */
export function accessFinding(
  repository: string,
  config: string,
  status: number | undefined,
  hasToken: boolean,
): Finding {
  const check = "base model";
  const page = `https://huggingface.co/${repository}`;
  const of = `${repository} (config ${config})`;
  if (status === 200) return ok(check, `${of} can be downloaded`);
  if (status === 401 || status === 403) {
    return hasToken
      ? error(
          check,
          `${of} is gated, and the token may not read it`,
          `accept its licence at ${page} with the token's account`,
        )
      : error(check, `${of} is gated, and there is no token`, SET_TOKEN);
  }
  if (status === 404)
    return error(
      check,
      `${of} is not on Hugging Face, or private`,
      `see ${page}; correct model.name_or_path in the config`,
    );
  if (!hasToken && knownModel(repository)?.gated)
    return error(check, `${of} is gated, and there is no token`, SET_TOKEN);
  const why = status === undefined ? "Hugging Face was not reached" : `Hugging Face answered ${status}`;
  return warning(
    check,
    `${of} is not on this machine, and ${why}`,
    "look again with a network; nothing is needed once it is downloaded",
  );
}
