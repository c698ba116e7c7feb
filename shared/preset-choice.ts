// Which preset is meant by the model, and the flags, that a client sent.
import {
  FLUX_DEV,
  FLUX_SCHNELL,
  knownModel,
  type Preset,
  presetNamed,
  SD_2_BASE,
  SD_2_V,
  SD_15,
  SD_35,
  SDXL,
} from "./presets.ts";

/** Repositories that were taken down, in lower case, and where the same weights live now. */
const MOVED: ReadonlyMap<string, string> = new Map([["runwayml/stable-diffusion-v1-5", SD_15.modelPath]]);

/** Where the weights of a repository that no longer exists are today; undefined for any other. */
export function movedModel(path: string): string | undefined {
  return MOVED.get(path.toLowerCase());
}

export interface ModelChoice {
  /** A preset's name; one that there is. */
  readonly preset?: string | undefined;
  readonly model_name?: string | undefined;
  readonly is_flux?: boolean | undefined;
  readonly is_xl?: boolean | undefined;
  readonly is_v3?: boolean | undefined;
}

export interface PresetChoice {
  readonly preset: Preset;
  /** What to load: the model the client named, unless it has moved. */
  readonly modelPath: string;
  readonly warnings: readonly string[];
}

const FAMILIES = [
  { flag: "is_flux", preset: FLUX_DEV },
  { flag: "is_v3", preset: SD_35 },
  { flag: "is_xl", preset: SDXL },
] as const;

/** Told from a name alone. "xl" counts as a word of its own, as in "sdxl", "-xl-" or "RealVisXL", not inside a word. */
function guess(path: string, { is_flux, is_xl, is_v3 }: ModelChoice): Preset {
  const name = path.toLowerCase();
  if (is_flux !== false && name.includes("flux")) return name.includes("schnell") ? FLUX_SCHNELL : FLUX_DEV;
  if (is_v3 !== false && /sd3|stable-diffusion-3|(?<!\d)3\.5(?!\d)/.test(name)) return SD_35;
  if (is_xl !== false && (/(?<![a-z])(sd)?xl(?![a-z])/.test(name) || /[a-z0-9]XL(?![a-z])/.test(path)))
    return SDXL;
  if (/stable-diffusion-2|sd-?2[._-]?[01]/.test(name)) return name.includes("base") ? SD_2_BASE : SD_2_V;
  return SD_15;
}

/**
 * The settings for a model. A preset that is named decides, whatever copy of its model is loaded; else a flag that is true; else the model's path or a preset's name, if we know it; else
 * the name is guessed from, and the answer says so. A flag that is false only forbids a guess: clients send all three as
 * false without meaning anything by it, and FLUX.1-dev stays a Flux model.
 */
export function presetFor(choice: ModelChoice): PresetChoice {
  const warnings: string[] = [];
  const said = FAMILIES.filter(({ flag }) => choice[flag] === true);
  const asked = choice.preset === undefined ? undefined : presetNamed(choice.preset);
  if (asked) {
    const others = said.filter(({ preset }) => preset.arch !== asked.arch).map(({ flag }) => flag);
    if (others.length > 0)
      warnings.push(`${others.join(" and ")} had no effect: preset '${asked.name}' decides`);
    return { preset: asked, modelPath: choice.model_name?.trim() ?? asked.modelPath, warnings };
  }
  const family = said[0];
  if (family && said.length > 1) {
    warnings.push(
      `${said.map(({ flag }) => flag).join(" and ")} cannot both be true; ${family.flag} was used`,
    );
  }
  if (choice.model_name === undefined) {
    const preset = family?.preset ?? SD_15;
    return { preset, modelPath: preset.modelPath, warnings };
  }
  const given = choice.model_name.trim();
  const moved = movedModel(given);
  if (moved)
    warnings.push(
      `The model '${given}' no longer exists on Hugging Face; its living copy '${moved}' is used`,
    );
  const named = presetNamed(given);
  const known = knownModel(moved ?? given) ?? named;
  const modelPath = moved ?? named?.modelPath ?? given;

  if (family) {
    const guessed = guess(modelPath, choice);
    // is_flux cannot tell dev from schnell, the name can.
    const preset = family.preset === FLUX_DEV && guessed === FLUX_SCHNELL ? FLUX_SCHNELL : family.preset;
    if (known && known.arch !== preset.arch) {
      warnings.push(
        `'${modelPath}' is known as ${known.name}, but ${family.flag} is true: written as ${preset.name}`,
      );
    }
    return { preset, modelPath, warnings };
  }
  if (known) {
    const denied = [
      ["is_flux", known.isFlux],
      ["is_xl", known.isXl],
      ["is_v3", known.isV3],
    ] as const;
    for (const [flag, is] of denied) {
      if (is && choice[flag] === false)
        warnings.push(`${flag}: false was ignored: '${modelPath}' is ${known.name}`);
    }
    return { preset: known, modelPath, warnings };
  }
  const preset = guess(modelPath, choice);
  warnings.push(
    `'${modelPath}' is not a model this server knows; from its name it was taken for ${preset.name}. If that is wrong, pass is_flux, is_xl or is_v3`,
  );
  return { preset, modelPath, warnings };
}
