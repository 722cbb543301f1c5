/** One page of a list of the API (A16). */
export interface ListPart<Item> {
  readonly items: readonly Item[];
  /** Cursor of the next page. Undefined at the end of the list. */
  readonly next: string | undefined;
}

/** Reads the page after a cursor. Undefined reads the first page. */
export type ReadPart<Item> = (after: string | undefined) => Promise<ListPart<Item>>;

/** A list that is shown up to a certain page. Each load reads all of it again up to there. */
export class PagedList<Item> {
  readonly #read: ReadPart<Item>;
  #pages = 1;
  #more = false;

  constructor(read: ReadPart<Item>) {
    this.#read = read;
  }

  /** Whether the list has more pages than the last `load` read. */
  get more(): boolean {
    return this.#more;
  }

  /** From the next `load` on, reads one more page. */
  extend(): void {
    this.#pages += 1;
  }

  /** Reads all pages that are shown. Rejects if one of them cannot be read. */
  async load(): Promise<readonly Item[]> {
    const all: Item[] = [];
    let next: string | undefined;
    for (let page = 0; page < this.#pages; page += 1) {
      const part = await this.#read(next);
      all.push(...part.items);
      next = part.next;
      if (next === undefined) break;
    }
    this.#more = next !== undefined;
    return all;
  }
}

/** Adds a cursor to a path. */
export function pathAfter(path: string, after: string | undefined): string {
  return after === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(after)}`;
}
