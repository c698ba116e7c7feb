// How replace_in_captions changes one text. What is found is literal text, so that no pattern can run away.

export interface Edit {
  readonly find?: string | undefined;
  readonly replace: string;
  readonly whole_word: boolean;
  readonly ignore_case: boolean;
  readonly prepend?: string | undefined;
  readonly append?: string | undefined;
}

export interface Edited {
  readonly text: string;
  readonly matches: number;
}

/** The edit, ready to be applied to many texts. */
export function editor({
  find,
  replace,
  whole_word,
  ignore_case,
  prepend = "",
  append = "",
}: Edit): (text: string) => Edited {
  const pattern = find === undefined ? undefined : patternOf(find, whole_word, ignore_case);
  return (text) => {
    let matches = 0;
    const replaced = pattern
      ? text.replace(pattern, () => {
          matches++;
          return replace;
        })
      : text;
    const begun = replaced.startsWith(prepend) ? replaced : prepend + replaced;
    return { text: begun.trimEnd().endsWith(append.trimEnd()) ? begun : begun.trimEnd() + append, matches };
  };
}

function patternOf(find: string, wholeWord: boolean, ignoreCase: boolean): RegExp {
  const literal = find.replaceAll(/[\\^$.*+?()[\]{}|]/g, (character) => `\\${character}`);
  const word = "[\\p{L}\\p{M}\\p{N}_]";
  const source = wholeWord ? `(?<!${word})${literal}(?!${word})` : literal;
  return new RegExp(source, ignoreCase ? "giu" : "gu");
}

/** What is shown of a text on each side of its first difference. */
const CONTEXT = 120;

/** The stretch of two texts around the first place where they differ. */
export function excerpt(before: string, after: string): { readonly before: string; readonly after: string } {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same++;
  const start = Math.max(0, same - CONTEXT / 2);
  const cut = (text: string) => {
    const end = start + 2 * CONTEXT;
    return `${start > 0 ? "…" : ""}${text.slice(start, end).toWellFormed()}${text.length > end ? "…" : ""}`;
  };
  return { before: cut(before), after: cut(after) };
}
