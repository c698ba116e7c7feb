// check_dataset: everything that is put together from the survey, the files' own facts, and the model's rules.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import type * as v from "valibot";
import type { CallContext } from "../../../../shared/contract.ts";
import { ToolError } from "../../../../shared/errors.ts";
import type { checkDataset } from "../../../../shared/tools/dataset-check.ts";
import { checkRelative, closing, fileInside, isMissing } from "../../../files/sandbox.ts";
import type { Paths } from "../../../paths.ts";
import { kindOfDataset } from "../media.ts";
import { openDataset } from "../open-dataset.ts";
import { bucketsOf, type Item } from "./buckets.ts";
import { CaptionLint } from "./caption-lint.ts";
import { likelyKinds, type Rules, rulesOf } from "./check-rules.ts";
import type { Facts } from "./facts.ts";
import { FactsStore } from "./facts-store.ts";
import { Findings } from "./findings.ts";
import { type Candidate, gatherFacts } from "./gather-facts.ts";
import { noteImages, notePartners, type Seen } from "./judge.ts";
import { factsOf } from "./media-facts.ts";
import { openPartnerFolder, type PartnerFile, type PartnerFolder } from "./partner-folder.ts";
import { FILES_MAX, type SurveyedFile, survey } from "./survey.ts";

type Input = v.InferOutput<typeof checkDataset.input>;
type Output = v.InferInput<typeof checkDataset.output>;

export interface CheckParts {
  readonly paths: Pick<Paths, "datasets" | "datasetRoots" | "state">;
  /** Milliseconds; for tests. */
  readonly clock?: () => number;
}

/** No file is begun after this, so that the answer is there before clients lose their patience. */
const BUDGET_MS = 7_000;
const BUCKETS_SHOWN = 12;

interface OwnFile extends Candidate {
  readonly role: undefined;
  readonly surveyed: SurveyedFile;
}

export async function checkOne(
  { paths, clock = () => performance.now() }: CheckParts,
  input: Input,
  { signal, progress }: CallContext,
): Promise<Output> {
  const startedMs = clock();
  const { name, limit, batch_size } = input;
  const rules = rulesOf(input);
  const findings = new Findings();
  const lint = new CaptionLint(findings, { trigger: input.trigger_word, clipOnly: rules.clipOnly });

  const folder = await openDataset(paths, name);
  const folderPath = await closing(folder, async (opened) => {
    await access(opened.at("."), constants.W_OK).catch(() => findings.add("not_writable", name));
    return opened.path;
  });
  const { files, counts, captionCount } = await survey(paths, checkRelative(name, "dataset"), {
    findings,
    lint,
    signal,
  });
  lint.end();

  const kinds = rules.kinds ?? likelyKinds(counts);
  const trained = files.filter(({ kind }) => kinds.has(kind));
  for (const { path } of files.filter(({ kind }) => !kinds.has(kind))) findings.add("not_trained", path);
  if (trained.length === 0) findings.add("no_media", name);
  if (rules.lacksControl) findings.add("control_needed", name);

  const partnerFolders = await openPartners(paths, input, trained);
  try {
    const own = trained.map(
      (surveyed): OwnFile => ({
        ...surveyed,
        folder: folderPath,
        role: undefined,
        surveyed,
        look: () => lookAt(paths, name, surveyed),
      }),
    );
    const partnerFiles = partnerFolders.flatMap(({ files: inFolder }) => inFolder);
    const store = new FactsStore(join(paths.state, "checked-files.db"));
    try {
      const { facts, unopened, complete } = await gatherFacts<OwnFile | PartnerFile>(
        [...own, ...partnerFiles],
        {
          store,
          signal,
          progress,
          isOver: () => clock() - startedMs > BUDGET_MS,
        },
      );
      for (const file of unopened) findings.add("unchecked", file.role ? file.shown : file.path);
      const seen = own.flatMap((file): Seen[] => {
        const found = facts.get(file);
        return found ? [{ path: file.path, facts: found }] : [];
      });
      await noteImages(seen, rules.resolutions, findings, signal);
      notePartners(partnerFolders, seen, (file) => facts.get(file), findings);
      const verdict =
        findings.worst === "error" || findings.worst === "warning"
          ? "needs_attention"
          : complete
            ? "ready"
            : null;
      const total = own.length + partnerFiles.length;
      return {
        name,
        kind: kindOfDataset(counts),
        verdict,
        complete,
        checked: facts.size + unopened.length,
        total,
        image_count: counts.image,
        video_count: counts.video,
        audio_count: counts.audio,
        caption_count: captionCount,
        findings: findings.list(limit).map((finding) => ({ ...finding, examples: [...finding.examples] })),
        divisibility: rules.divisibility,
        buckets: kinds.has("audio") ? [] : previewOf(seen, rules, batch_size),
        next: complete ? null : "Call check_dataset again: it goes on where this call stopped",
        ...(counts.image + counts.video + counts.audio > FILES_MAX && {
          warnings: [`Only the first ${FILES_MAX} files were checked`],
        }),
      };
    } finally {
      store[Symbol.dispose]();
    }
  } finally {
    for (const each of partnerFolders) await each[Symbol.asyncDispose]();
  }
}

/** undefined: gone meanwhile, or a link that leads out of where data sets may lie. */
async function lookAt(
  { datasets, datasetRoots }: CheckParts["paths"],
  dataset: string,
  { path, kind }: SurveyedFile,
): Promise<Facts | undefined> {
  try {
    return await closing(
      await fileInside(datasets, join(dataset, path), "image file", { alsoInside: datasetRoots }),
      (opened) => factsOf(opened.handle, kind, opened.path),
    );
  } catch (error) {
    if (isMissing(error) || error instanceof ToolError) return undefined;
    throw error;
  }
}

async function openPartners(
  paths: CheckParts["paths"],
  { control = [], mask }: Input,
  trained: readonly SurveyedFile[],
): Promise<PartnerFolder[]> {
  const opened: PartnerFolder[] = [];
  const files = trained.map(({ path }) => path);
  try {
    for (const given of typeof control === "string" ? [control] : control) {
      opened.push(await openPartnerFolder(paths, "control", given, files));
    }
    if (mask !== undefined) opened.push(await openPartnerFolder(paths, "mask", mask, files));
    return opened;
  } catch (error) {
    for (const each of opened) await each[Symbol.asyncDispose]();
    throw error;
  }
}

function previewOf(seen: readonly Seen[], rules: Rules, batchSize: number): Output["buckets"] {
  const items = seen.flatMap(({ facts }): Item[] => {
    if ((facts.is !== "image" && facts.is !== "video") || !facts.width || !facts.height) return [];
    return [{ kind: facts.is, width: facts.width, height: facts.height }];
  });
  return rules.resolutions.map((resolution) => {
    const buckets = bucketsOf(items, resolution, rules.divisibility, batchSize);
    return {
      resolution,
      bucket_count: buckets.length,
      buckets: buckets.slice(0, BUCKETS_SHOWN),
      smaller: items.filter(({ width, height }) => width * height < resolution * resolution).length,
    };
  });
}
