/** One page of a list. */
export interface ListPage<Item, Place> {
  readonly items: readonly Item[];
  /** The place of the last item, where the next page begins. Undefined: this is the last page. */
  readonly next: Place | undefined;
}

/**
 * Makes a page of at most `limit` rows. The query asks for one row more, which tells whether there
 * is a next page.
 */
export function pageOf<Row, Item, Place>(
  rows: readonly Row[],
  limit: number,
  { item, place }: { readonly item: (row: Row) => Item; readonly place: (row: Row) => Place },
): ListPage<Item, Place> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(item), next: rows.length > limit && last !== undefined ? place(last) : undefined };
}
