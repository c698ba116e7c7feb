// Long lists in pages. A cursor is the key of the last item of the page before, so that what was added or removed since
// moves nothing.
import { invalid } from "../../shared/errors.ts";
import { PAGE_MAX } from "../../shared/fields.ts";

export interface PageWish {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  /** For the answer; empty when all has been told. */
  readonly more: { readonly next_cursor?: string; readonly total?: number };
}

/** @throws ToolError invalid_input for a cursor of no item */
export function pageOf<T>(
  all: readonly T[],
  keyOf: (item: T) => string,
  { limit = PAGE_MAX, cursor }: PageWish,
): Page<T> {
  const before = cursor === undefined ? -1 : all.findIndex((item) => keyOf(item) === cursor);
  if (cursor !== undefined && before < 0)
    throw invalid("There is nothing of that cursor any more", "Begin again without cursor");
  const end = before + 1 + limit;
  const items = all.slice(before + 1, end);
  const last = items.at(-1);
  const more = last !== undefined && end < all.length ? { next_cursor: keyOf(last), total: all.length } : {};
  return { items, more };
}
