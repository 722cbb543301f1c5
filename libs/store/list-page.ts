/** A part of a list that is read page by page. */
export interface ListPage<Item, Place> {
  readonly items: readonly Item[];
  /** Where the next page begins: the place of the last item. Undefined: the list ends here. */
  readonly next: Place | undefined;
}

/** The page of at most `limit` rows, of which one more was asked for to know whether there is a next one. */
export function pageOf<Row, Item, Place>(
  rows: readonly Row[],
  limit: number,
  { item, place }: { readonly item: (row: Row) => Item; readonly place: (row: Row) => Place },
): ListPage<Item, Place> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(item), next: rows.length > limit && last !== undefined ? place(last) : undefined };
}
