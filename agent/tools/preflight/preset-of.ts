// Which presets a config's model block may be about, whoever wrote it.
import { PRESETS, type Preset } from "../../../shared/presets.ts";
import { asText, type JsonObject } from "../configs/check.ts";
import { plainArch } from "../configs/known-values.ts";
import { archOf } from "../configs/model-arch.ts";

/** Narrowed down by architecture, then path, then the text after the colon; several are left for a copy under another name. */
export function presetsOf(model: JsonObject): readonly Preset[] {
  const path = asText(model.name_or_path)?.toLowerCase();
  const arch = archOf(model) === "sd1" ? "sd15" : archOf(model);
  let candidates = PRESETS.filter((preset) => plainArch(preset.arch) === arch);
  const narrower = [
    (preset: Preset) => preset.modelPath.toLowerCase() === path,
    (preset: Preset) => preset.arch === model.arch,
  ];
  for (const fits of narrower) {
    const fewer = candidates.filter(fits);
    if (fewer.length > 0) candidates = fewer;
  }
  return candidates;
}

/** What all of them say; undefined when they do not agree, or there is none. */
export function agreed<T>(presets: readonly Preset[], said: (preset: Preset) => T): T | undefined {
  const [first, ...others] = presets.map(said);
  return others.every((other) => other === first) ? first : undefined;
}
