/** What all writers of a room published, as the end of a run knows it. */
export interface Published {
  /** The number of messages of each writer. */
  readonly sent: readonly number[];
  /** Of each writer, those that the hub refused or did not answer: `[writer, number]`. */
  readonly uncertain: readonly (readonly [number, number])[];
}

/** What a receiver got, and did not get. */
export interface Tally {
  expected: number;
  delivered: number;
  lost: number;
  duplicated: number;
  reordered: number;
}

/** The ledger of one receiver in one room. Messages of a writer have the numbers 1, 2, 3... */
export class Receipts {
  delivered = 0;
  duplicated = 0;
  /** Came after a later one of the same writer. */
  reordered = 0;
  readonly #last: Int32Array;
  readonly #missing = new Map<number, Set<number>>();

  /** @param writers the number of writers in the room. */
  constructor(writers: number) {
    this.#last = new Int32Array(writers);
  }

  /** Counts one message. */
  take(writer: number, number: number): void {
    const last = this.#last[writer];
    if (last === undefined) return;
    if (number === last + 1) {
      this.#last[writer] = number;
      this.delivered += 1;
      return;
    }
    const missing = this.#missing.get(writer);
    if (number > last) {
      const gaps = missing ?? new Set<number>();
      for (let gap = last + 1; gap < number; gap += 1) gaps.add(gap);
      this.#missing.set(writer, gaps);
      this.#last[writer] = number;
      this.delivered += 1;
    } else if (missing?.delete(number)) {
      this.delivered += 1;
      this.reordered += 1;
    } else {
      this.duplicated += 1;
    }
  }

  /**
   * Adds what it got to a tally. A message that the hub refused is not expected. One without an
   * answer may be there or not.
   */
  settle({ sent, uncertain }: Published, tally: Tally): void {
    const doubted = new Map<number, Set<number>>();
    for (const [writer, number] of uncertain) {
      const numbers = doubted.get(writer) ?? new Set();
      doubted.set(writer, numbers.add(number));
    }
    let lost = 0;
    let expected = 0;
    for (const [writer, count] of sent.entries()) {
      const doubts = doubted.get(writer);
      const last = this.#last[writer] ?? 0;
      const missing = this.#missing.get(writer);
      expected += count;
      lost += Math.max(0, count - last) + (missing?.size ?? 0);
      for (const number of doubts ?? []) {
        if (number > last || missing?.has(number)) {
          lost -= 1;
          expected -= 1;
        }
      }
    }
    tally.expected += expected;
    tally.lost += lost;
    tally.delivered += this.delivered;
    tally.duplicated += this.duplicated;
    tally.reordered += this.reordered;
  }
}
