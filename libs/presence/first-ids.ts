/**
 * Finds the first `limit` ids above `after` among ids that come in parts and in any order. Holds
 * O(limit) ids.
 */
export class FirstIds {
  readonly #after: string;
  readonly #limit: number;
  readonly #ids = new Set<string>();
  /** Ids at or above it are not among the first. */
  #end: string | undefined;

  constructor(after: string, limit: number) {
    this.#after = after;
    this.#limit = limit;
  }

  /** An id may come twice. */
  add(ids: Iterable<string>): void {
    for (const id of ids) if (id > this.#after && (this.#end === undefined || id < this.#end)) this.#ids.add(id);
    if (this.#ids.size > 4 * (this.#limit + 1)) this.#cut();
  }

  page(): { readonly users: readonly string[]; readonly more: boolean } {
    const first = this.#cut();
    return { users: first.slice(0, this.#limit), more: first.length > this.#limit };
  }

  /** Keeps one more than `limit`, which shows that there are more. */
  #cut(): readonly string[] {
    const sorted = [...this.#ids].toSorted();
    for (const id of sorted.splice(this.#limit + 1)) this.#ids.delete(id);
    if (sorted.length > this.#limit) this.#end = sorted.at(-1);
    return sorted;
  }
}
