/** A part of a list as the API gives it (A16). */
export interface ListPart<Item> {
  readonly items: readonly Item[];
  /** Where the next part begins; undefined: the list ends here. */
  readonly next: string | undefined;
}

/** Reads one part: `after` the one before, or the first. */
export type ReadPart<Item> = (after: string | undefined) => Promise<ListPart<Item>>;

/** A list that is shown up to a page, and read anew up to there. */
export class PagedList<Item> {
  readonly #read: ReadPart<Item>;
  #pages = 1;
  #more = false;

  constructor(read: ReadPart<Item>) {
    this.#read = read;
  }

  /** Whether there is something behind what is shown, as it was when the list was read last. */
  get more(): boolean {
    return this.#more;
  }

  /** One page more is shown, from the next `load` on. */
  extend(): void {
    this.#pages += 1;
  }

  /** Everything up to the last page that is shown. Rejects as the reading does. */
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

/** A path with the place a part begins at. */
export function pathAfter(path: string, after: string | undefined): string {
  return after === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(after)}`;
}
