// get_captions: pages over the files of a data set, sorted by path.
import type * as v from "valibot";
import type { getCaptions } from "../../../../shared/tools/captions.ts";
import { atOnce } from "../../../files/at-once.ts";
import { onDataset } from "../on-dataset.ts";
import { type MediaFile, mediaIn, type Roots, type WalkedFolder, walkDataset } from "../walk-dataset.ts";
import { type Caption, readCaption } from "./caption-file.ts";

type Input = v.InferOutput<typeof getCaptions.input>;
type Output = v.InferInput<typeof getCaptions.output>;
type Row = Output["captions"][number];

/** Captions read at the same time. */
export const READS_AT_ONCE = 16;
/** A caption is cut here, and a page ends here: clients cut what is longer, or refuse it. */
const SHOWN_CHARS = 4_000;
const PAGE_CHARS = 40_000;

export const pageOfCaptions = (roots: Roots, input: Input, signal: AbortSignal): Promise<Output> =>
  onDataset(() => findPage(roots, input, signal));

async function findPage(roots: Roots, input: Input, signal: AbortSignal): Promise<Output> {
  const { name, limit, cursor = "" } = input;
  const wanted = filterOf(input);
  const page = new Page(limit);
  let total = 0;
  await walkDataset(roots, name, signal, async (walked) => {
    // Without a filter only what is on the page has to be read.
    const media = mediaIn(walked);
    const toRead = wanted ? media : media.filter(({ path }) => path > cursor).slice(0, limit + 1);
    if (!wanted) total += media.length;
    await readAll(roots, name, walked, toRead, signal, ({ path }, caption) => {
      if (wanted && !wanted(caption)) return;
      if (wanted) total++;
      if (path > cursor && page.hasRoomFor(path)) page.add(rowOf(path, caption));
    });
  });
  return { name, ...page.end(), total };
}

/** The first `limit` rows of all that are added, and one more to know that there are more. */
class Page {
  readonly #limit: number;
  readonly #rows: Row[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False for what would come after a full page; it need not be kept. */
  hasRoomFor(image: string): boolean {
    const last = this.#rows[this.#limit];
    return last === undefined || image < last.image;
  }

  add(row: Row): void {
    this.#rows.push(row);
    this.#rows.sort((a, b) => (a.image < b.image ? -1 : 1));
    this.#rows.length = Math.min(this.#rows.length, this.#limit + 1);
  }

  end(): Pick<Output, "captions" | "next_cursor"> {
    let chars = 0;
    const fitting = this.#rows.findIndex(({ image, caption }) => {
      chars += image.length + (caption?.length ?? 0);
      return chars > PAGE_CHARS;
    });
    const end = Math.min(this.#limit, fitting < 0 ? this.#rows.length : Math.max(1, fitting));
    const captions = this.#rows.slice(0, end);
    return { captions, next_cursor: end < this.#rows.length ? (captions.at(-1)?.image ?? null) : null };
  }
}

/** Reads the captions of files in one folder; in no order. */
export async function readAll(
  roots: Roots,
  dataset: string,
  walked: WalkedFolder,
  files: readonly MediaFile[],
  signal: AbortSignal,
  take: (file: MediaFile, caption: Caption) => void,
): Promise<void> {
  const names = new Set(walked.entries.map(({ name }) => name));
  await atOnce(files, READS_AT_ONCE, async (file) => {
    signal.throwIfAborted();
    take(
      file,
      names.has(file.caption)
        ? await readCaption(roots, dataset, walked, file.caption)
        : { state: "missing" },
    );
  });
}

function filterOf({ contains, missing }: Input): ((caption: Caption) => boolean) | undefined {
  if (!missing && contains === undefined) return undefined;
  const has = containing(contains);
  return (caption) => {
    const text = caption.state === "text" ? caption.text : "";
    return missing ? caption.state !== "unreadable" && text.trim() === "" : has(text);
  };
}

/** Does a text have `part`, in any case? */
export function containing(part: string | undefined): (text: string) => boolean {
  const lower = part?.toLowerCase();
  return (text) => lower === undefined || text.toLowerCase().includes(lower);
}

function rowOf(image: string, caption: Caption): Row {
  switch (caption.state) {
    case "missing":
      return { image, caption: null };
    case "unreadable":
      return { image, caption: null, problem: caption.why };
    case "text":
      return {
        image,
        caption: caption.text.slice(0, SHOWN_CHARS).toWellFormed(),
        ...(caption.text.length > SHOWN_CHARS && { cut: true }),
        ...(caption.bom && { problem: "begins with a byte order mark" }),
      };
  }
}
