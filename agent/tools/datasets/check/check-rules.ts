// What a check looks for depends on the model: which files it trains, at which sizes, how it reads captions.
import type * as v from "valibot";
import { invalid } from "../../../../shared/errors.ts";
import { PRESETS } from "../../../../shared/presets.ts";
import type { checkDataset } from "../../../../shared/tools/dataset-check.ts";
import { ARCHS, plainArch } from "../../configs/known-values.ts";
import type { MediaKind } from "../media.ts";
import { divisibilityOf } from "./divisibility.ts";

type Input = v.InferOutput<typeof checkDataset.input>;

export interface Rules {
  /** undefined: nobody said which model; what there is most of decides. */
  readonly kinds: ReadonlySet<MediaKind> | undefined;
  /** Sorted, each once. */
  readonly resolutions: readonly number[];
  readonly divisibility: number;
  readonly clipOnly: boolean | undefined;
  /** A model of pairs, and no folder of control images is named. */
  readonly lacksControl: boolean;
}

/** Read captions through CLIP alone. */
const CLIP_ARCHS: ReadonlySet<string> = new Set(["sd1", "sd15", "sd2", "sdxl", "ssd", "vega"]);

/** The official UI's own, where no model says otherwise. */
const USUAL_RESOLUTIONS = [512, 768, 1024];

const KINDS_OF = {
  image: ["image"],
  edit: ["image"],
  video: ["video", "image"],
  audio: ["audio"],
} as const satisfies Record<string, readonly MediaKind[]>;

/** @throws ToolError invalid_input for a model the trainer does not know */
export function rulesOf({ arch, resolution, control }: Input): Rules {
  if (arch === undefined) {
    return {
      kinds: undefined,
      resolutions: sorted(resolution ?? USUAL_RESOLUTIONS),
      divisibility: divisibilityOf(),
      clipOnly: undefined,
      lacksControl: false,
    };
  }
  const plain = plainArch(arch);
  if (!ARCHS.has(plain)) {
    throw invalid(
      `'arch': ai-toolkit knows no model architecture ${arch}`,
      "list_model_presets shows those there are",
    );
  }
  const preset =
    PRESETS.find((each) => each.arch === arch) ?? PRESETS.find((each) => plainArch(each.arch) === plain);
  return {
    kinds: new Set(KINDS_OF[preset?.kind ?? "image"]),
    resolutions: sorted(resolution ?? preset?.resolution ?? USUAL_RESOLUTIONS),
    divisibility: divisibilityOf(plain),
    clipOnly: CLIP_ARCHS.has(plain),
    lacksControl: preset?.kind === "edit" && control === undefined,
  };
}

function sorted(resolution: number | readonly number[]): number[] {
  return [...new Set(typeof resolution === "number" ? [resolution] : resolution)].sort((a, b) => a - b);
}

/** The kinds that are trained when nobody said with which model. */
export function likelyKinds(counts: Readonly<Record<MediaKind, number>>): ReadonlySet<MediaKind> {
  if (counts.video > 0) return new Set(KINDS_OF.video);
  return new Set(counts.image > 0 ? KINDS_OF.image : KINDS_OF.audio);
}
