/**
 * The ids this node goes by in Redis, one after the other: `<node>~<boot>#<n>`.
 *
 * A node that was reaped, or whose writes are in doubt, goes on under a new incarnation and removes the former one as a whole; the former one's
 * tombstone refuses whatever of it comes late. `boot` keeps two starts under one node id apart.
 */
export class Incarnations {
  readonly #base: string;
  readonly #former = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #number = 0;
  #current = '';

  /** @param node Not empty, without spaces and braces: entries in Redis are taken apart by these. */
  constructor(node: string, boot: string) {
    if (/[\s{}]|^$/.test(node)) throw new TypeError('A node id is not empty and has no spaces and no braces.');
    this.#base = `${node}~${boot}`;
  }

  /** What operations run under; empty before the first `use`. */
  get current(): string {
    return this.#current;
  }

  /** Those that may still have entries in Redis. */
  get former(): readonly string[] {
    return [...this.#former];
  }

  /** An id never used before. */
  next(): string {
    this.#number += 1;
    return `${this.#base}#${this.#number}`;
  }

  /** From here on operations run under `id`. */
  use(id: string): void {
    if (this.#current !== '') this.#former.add(this.#current);
    this.#current = id;
    this.wake();
  }

  /** Nothing of a former one is left. */
  forget(id: string): void {
    this.#former.delete(id);
  }

  /** Resolves at the next `use` or `wake`, or after `ms`. */
  changed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiting.add(done);
    });
  }

  wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
