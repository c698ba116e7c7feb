// What the facts of files mean for a training.

import { type Facts, measuresOf } from "./facts.ts";
import type { Findings } from "./findings.ts";
import { alike } from "./near-duplicates.ts";
import type { PartnerFolder } from "./partner-folder.ts";
import { differInShape } from "./partners.ts";

/** A file that is known, as far as it is. */
export interface Seen {
  readonly path: string;
  readonly facts: Facts;
}

/** Notes what is odd about each file, and which are the same. */
export async function noteImages(
  seen: readonly Seen[],
  resolutions: readonly number[],
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const [lowest = 0] = resolutions;
  for (const { path, facts } of seen) {
    if ("why" in facts) findings.add(facts.is, `${path}: ${facts.why}`);
    const measures = measuresOf(facts);
    if (!measures) continue;
    const { width, height, turned, animated, gray16 } = measures;
    if (animated) findings.add("animated", path);
    if (facts.is === "image" && facts.transparent) findings.add("transparent", path);
    if (gray16) findings.add("gray16", path);
    if (turned) findings.add("turned", path);
    const size = `${path}: ${width}×${height}`;
    // A quarter of the pixels is half the side.
    if (width * height < (lowest * lowest) / 4) findings.add("tiny", size);
    else if (width * height < lowest * lowest) findings.add("below_resolution", size);
  }
  await noteDuplicates(seen, findings, signal);
}

async function noteDuplicates(seen: readonly Seen[], findings: Findings, signal: AbortSignal): Promise<void> {
  const images = seen.flatMap(({ path, facts }) => (facts.is === "image" ? [{ path, ...facts }] : []));
  const distinct: { readonly path: string; readonly look: string }[] = [];
  for (const group of Map.groupBy(images, ({ sha256 }) => sha256).values()) {
    const [first] = group;
    if (first) distinct.push(first);
    if (group.length > 1) {
      findings.add("duplicate_image", group.map(({ path }) => path).join(" = "), group.length);
    }
  }
  for (const group of await alike(distinct, signal))
    findings.add("near_duplicate", group.join(" ~ "), group.length);
}

const MISSING = { control: "control_missing", mask: "mask_missing" } as const;

/** Notes which files lack a control image or mask, and which of those do not fit. */
export function notePartners(
  folders: readonly PartnerFolder[],
  seen: readonly Seen[],
  findings: Findings,
): void {
  const images = new Map(seen.map(({ path, facts }) => [path, measuresOf(facts)]));
  for (const { role, given, partners, files } of folders) {
    for (const path of partners.missing) findings.add(MISSING[role], path);
    for (const unused of partners.unused) findings.add("partner_unused", `${given}/${unused}`);
    for (const file of files) {
      const { facts } = file;
      if (facts && "why" in facts) findings.add("control_broken", `${file.shown}: ${facts.why}`);
      const [partner, image] = [measuresOf(facts), images.get(file.file)];
      if (partner && image && differInShape(partner, image)) {
        findings.add(
          "partner_shape",
          `${file.shown}: ${partner.width}×${partner.height}, ${image.width}×${image.height}`,
        );
      }
    }
  }
}
