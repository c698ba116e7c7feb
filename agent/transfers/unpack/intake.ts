// Which files of an upload are taken, and under which names. Pure: what it decides of one file may depend on those before.
import { basename, extname } from "node:path";
import { invalid, ToolError } from "../../../shared/errors.ts";
import { checkRelative } from "../../files/sandbox.ts";
import { IMAGE_EXTENSIONS, stemOf } from "../../tools/datasets/images.ts";
import { mediaKindOf } from "../../tools/datasets/media.ts";
import { CACHE_FOLDERS, CONTROLS } from "../../tools/datasets/trainer-caches.ts";

export interface Told {
  readonly file: string;
  readonly reason: string;
}

/** Each list is cut: a hundred thousand lines help nobody. */
const TOLD_MAX = 50;
const SHOWN_CHARS = 200;
/** Files and folders of one upload, whatever becomes of them. */
export const ENTRIES_MAX = 200_000;
/** Of their names: each is kept, folded once more. With the longest there may be, a small archive would fill 400 MiB. */
const NAMES_CHARS_MAX = 32 * 1024 * 1024;

/** What two names have in common when some systems take them for the same. */
const fold = (name: string) => name.normalize("NFC").toLowerCase();

const CAPTION_EXTENSIONS = new Set([".txt"]);
const SYSTEM_FILES = new Set(["thumbs.db", "desktop.ini"]);

export type Taken = { readonly path: string; readonly kind: "media" | "caption" };

export class Intake {
  readonly #imagesOnly: boolean;
  /** Folded path → the path, of files and of the folders they lie in. */
  readonly #claimed = new Map<string, string>();
  readonly #folders = new Set([""]);
  readonly #stems = new Map<string, string>();
  readonly #failed: Told[] = [];
  readonly #skipped: Told[] = [];
  #failedCount = 0;
  #skippedCount = 0;
  #seen = 0;
  #namesChars = 0;

  constructor({ imagesOnly = false }: { readonly imagesOnly?: boolean } = {}) {
    this.#imagesOnly = imagesOnly;
  }

  /**
   * Where a file of the upload goes; undefined when it is not taken, which the report tells.
   * @throws ToolError invalid_input when the whole upload has to be refused
   */
  place(name: string): Taken | undefined {
    this.#count();
    const path = name.replace(/^(\.\/)+/, "");
    const parts = path.split("/");
    if (path.startsWith("/") || /^[A-Za-z]:/.test(path) || /(^|[/\\])\.\.($|[/\\])/.test(path))
      throw refused(`${show(name)} leads out of its own folder`);
    const why = this.#notTaken(path, parts);
    if (why !== undefined) {
      this.skip(path, why);
      return undefined;
    }
    try {
      checkRelative(path, "image file");
    } catch (error) {
      this.fail(path, error instanceof ToolError ? error.message : "a name that cannot be written");
      return undefined;
    }
    this.#claim(path);
    if (CAPTION_EXTENSIONS.has(extname(path).toLowerCase())) return { path, kind: "caption" };
    const partner = this.#partnerOf(path);
    if (partner === undefined) return { path, kind: "media" };
    this.fail(path, `${partner} is in the upload, too, and would share its caption file; use another name`);
    return undefined;
  }

  #notTaken(path: string, parts: readonly string[]): string | undefined {
    if (parts.includes("__MACOSX") || parts.some((part) => part.startsWith(".")))
      return "hidden, or made by an operating system";
    const name = basename(path);
    if (SYSTEM_FILES.has(name.toLowerCase())) return "hidden, or made by an operating system";
    if (parts.slice(0, -1).some((part) => part === CONTROLS || CACHE_FOLDERS.has(part)))
      return "the trainer makes these itself";
    const kind = mediaKindOf(name);
    if (this.#imagesOnly) return kind === "image" ? undefined : "only images are taken here";
    if (kind || CAPTION_EXTENSIONS.has(extname(name).toLowerCase())) return undefined;
    return "nothing that ai-toolkit trains on";
  }

  #count(): void {
    this.#seen += 1;
    if (this.#seen > ENTRIES_MAX) throw refused(`it has more than ${ENTRIES_MAX} files and folders`);
  }

  /** @throws ToolError when it would be the same as another, here or on a system that folds names, or is one name too many */
  #claim(path: string): void {
    this.#namesChars += path.length;
    if (this.#namesChars > NAMES_CHARS_MAX) throw refused("the names in it are too long, all together");
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (!this.#folders.has(folder)) {
      this.#count(); // it takes as much of the disk as a file
      this.#claim(folder);
      this.#folders.add(folder);
    }
    const twin = this.#claimed.get(fold(path));
    if (twin !== undefined) throw collision(path, twin);
    this.#claimed.set(fold(path), path);
  }

  #partnerOf(path: string): string | undefined {
    if (!IMAGE_EXTENSIONS.some((extension) => extension === extname(path).toLowerCase())) return undefined;
    const stem = fold(path.slice(0, path.length - basename(path).length) + stemOf(basename(path)));
    const partner = this.#stems.get(stem);
    if (partner === undefined) this.#stems.set(stem, path);
    return partner;
  }

  fail(file: string, reason: string): void {
    this.#failedCount += 1;
    if (this.#failed.length < TOLD_MAX) this.#failed.push({ file: show(file), reason });
  }

  skip(file: string, reason: string): void {
    this.#skippedCount += 1;
    if (this.#skipped.length < TOLD_MAX) this.#skipped.push({ file: show(file), reason });
  }

  get report() {
    return {
      files_failed: this.#failedCount,
      failed: [...this.#failed],
      files_skipped: this.#skippedCount,
      skipped: [...this.#skipped],
    };
  }
}

const show = (file: string) => file.slice(0, SHOWN_CHARS);

export function refused(why: string): ToolError {
  return invalid(`The upload is refused: ${why}`, "Nothing of it was kept; pack it again and send it anew");
}

function collision(path: string, twin: string): ToolError {
  return path === twin
    ? refused(`${show(path)} comes twice`)
    : refused(`${show(path)} and ${show(twin)} differ only in case or accents`);
}
