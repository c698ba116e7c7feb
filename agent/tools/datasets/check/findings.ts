// Everything that a check may find, how bad it is, and what ai-toolkit makes of it (ai-toolkit.md §4).

export const SEVERITIES = ["error", "warning", "info"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** error: the job fails, or something else is trained than meant. warning: worth mending. info: good to know. */
const MEANINGS = {
  no_media: ["error", "The trainer finds nothing here and ends at once."],
  not_writable: ["error", "The trainer writes its size file into this folder and fails when it cannot."],
  broken: ["error", "Skipped, or ends the job when latents are cached. Export or upload these again."],
  unreadable_caption: [
    "error",
    "Ends the job when it is read: captions must be UTF-8 files. set_captions mends it.",
  ],
  control_needed: ["error", "This model trains on pairs: name the folder of control images in `control`."],
  control_broken: ["error", "Control images or masks that do not decode end the job."],

  missing_caption: [
    "warning",
    "Trains with an empty caption, the trigger word apart. set_captions adds one.",
  ],
  empty_caption: ["warning", "Trains with an empty caption, the trigger word apart. set_captions fills it."],
  caption_bom: ["warning", "The byte order mark becomes a part of the text. set_captions removes it."],
  shared_caption: [
    "warning",
    "Files that differ only in their extension share one caption. Rename one of them.",
  ],
  unsupported: ["warning", "Not JPEG, PNG or WebP inside, whatever the name says. Convert it."],
  too_large: ["warning", "Too large to be checked, and slow to train. Scale it down."],
  animated: ["warning", "Only its first frame is trained."],
  transparent: [
    "warning",
    "Transparent parts are trained in the colour hidden below them, often black. Flatten it.",
  ],
  gray16: ["warning", "16-bit gray is trained as all white. Convert it to 8 bits."],
  tiny: [
    "warning",
    "Less than half the lowest resolution on a side: trained small and soft. Replace it or leave it out.",
  ],
  duplicate_image: ["warning", "The same file more than once: it counts double in training."],
  companion_trained: [
    "warning",
    "Looks like a folder of control images or masks, but lies inside: trained as pictures. Move it out.",
  ],
  control_missing: [
    "warning",
    "No control image of the same name (.jpg .jpeg .png .webp in lower case, not in sub-folders): trained without.",
  ],
  mask_missing: ["warning", "No mask of the same name: trained without a mask."],
  partner_unused: ["warning", "Control images or masks that fit no file of the dataset by name."],
  stale_cache: [
    "warning",
    "The latents cached for it are older than the file and would be trained instead: remove _latent_cache, or upload it again.",
  ],
  unchecked: [
    "warning",
    "The trainer may read it, the check does not: a link that leads outside, or an odd name.",
  ],

  trigger_absent: [
    "info",
    "The trainer puts the trigger word in front of these captions by itself. Case counts.",
  ],
  trigger_tag: [
    "info",
    "[trigger] and [name] become the config's trigger word, or nothing when it has none.",
  ],
  duplicate_caption: ["info", "Several files have the same caption."],
  long_caption: ["info", "Probably longer than the 75 tokens that CLIP text encoders (SD 1.5, SDXL) read."],
  prompt_syntax: [
    "info",
    "Harmless in a caption; used as a sample prompt, `--` cuts it and `${` fails the config.",
  ],
  orphan_caption: ["info", "Text files that belong to no file by name; their captions are not used."],
  turned: ["info", "Turned by its EXIF data; the trainer turns it, too."],
  below_resolution: [
    "info",
    "Fewer pixels than the lowest resolution: trained at its own size, not enlarged.",
  ],
  near_duplicate: ["info", "These look alike. Keep the best one of each group."],
  partner_shape: ["info", "Control image or mask of another shape than its image; most models stretch it."],
  not_trained: ["info", "Of a kind or format that is passed over in this training."],
} as const satisfies Record<string, readonly [Severity, string]>;

export type FindingName = keyof typeof MEANINGS;
export const FINDING_NAMES = Object.keys(MEANINGS) as readonly FindingName[];

export interface Finding {
  readonly finding: FindingName;
  readonly severity: Severity;
  readonly count: number;
  readonly examples: readonly string[];
  readonly meaning: string;
}

export class Findings {
  readonly #found = new Map<FindingName, { count: number; readonly examples: string[] }>();

  /** @param count how many files one example stands for */
  add(finding: FindingName, example: string, count = 1): void {
    const known = this.#found.get(finding);
    if (known) {
      known.count += count;
      known.examples.push(example);
    } else this.#found.set(finding, { count, examples: [example] });
  }

  get worst(): Severity | undefined {
    const worst = FINDING_NAMES.find((finding) => this.#found.has(finding));
    return worst && MEANINGS[worst][0];
  }

  /** So far; what is added to one is not added to the other. */
  copy(): Findings {
    const copy = new Findings();
    for (const [finding, { count, examples }] of this.#found)
      copy.#found.set(finding, { count, examples: [...examples] });
    return copy;
  }

  /** The worst first, as listed above; each with its first examples. */
  list(examplesMax: number): Finding[] {
    return FINDING_NAMES.flatMap((finding): Finding[] => {
      const found = this.#found.get(finding);
      if (!found) return [];
      const [severity, meaning] = MEANINGS[finding];
      const examples = found.examples.sort().slice(0, examplesMax);
      return [{ finding, severity, count: found.count, examples, meaning }];
    });
  }
}
