/** The port to small sets whose members expire, shared by all nodes, and its implementation in memory. */

/** Sets of the newest members. The caller passes the time: Unix milliseconds. */
export interface RecentSets {
  /**
   * Adds a member to the set of a subject until `until`, or moves its end. Keeps the `most` members
   * that end last. The set is gone when its last member has ended. Rejects with `HubError`
   * `UNAVAILABLE`.
   *
   * @param name The name of the kind of set.
   * @param subject A hash, or an id.
   */
  add(name: string, subject: string, member: string, until: number, most: number, now: number): Promise<void>;
  /** Resolves to the members that have not ended, in no order. Rejects as `add`. */
  members(name: string, subject: string, now: number): Promise<readonly string[]>;
}

/** Above this number of sets, those that have ended are dropped. */
const TIDY_ABOVE = 10_000;

/** The sets of a node that runs alone. */
export class RecentSetsMemory implements RecentSets {
  /** By name and subject: the end of each member. */
  readonly #sets = new Map<string, Map<string, number>>();
  #tidyAbove = TIDY_ABOVE;

  /** The number of sets, ended ones that are not dropped yet included. */
  get size(): number {
    return this.#sets.size;
  }

  async add(name: string, subject: string, member: string, until: number, most: number, now: number): Promise<void> {
    const key = `${name}:${subject}`;
    const ends = [...(this.#sets.get(key) ?? new Map<string, number>()).set(member, until)].filter(([, end]) => end > now);
    this.#sets.set(key, new Map(ends.toSorted(([, a], [, b]) => b - a).slice(0, most)));
    if (this.#sets.size > this.#tidyAbove) this.#tidy(now);
  }

  async members(name: string, subject: string, now: number): Promise<readonly string[]> {
    return [...(this.#sets.get(`${name}:${subject}`) ?? [])].flatMap(([member, end]) => (end > now ? [member] : []));
  }

  #tidy(now: number): void {
    for (const [key, ends] of this.#sets) if (![...ends.values()].some((end) => end > now)) this.#sets.delete(key);
    this.#tidyAbove = Math.max(TIDY_ABOVE, 2 * this.#sets.size);
  }
}
