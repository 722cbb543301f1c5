/**
 * The ids of this node in Redis, one after the other: `<node>~<boot>#<n>`.
 *
 * If a node was reaped, or the effect of a write is unknown, the node goes on under a new
 * incarnation and removes the former one as a whole. The tombstone of the former one makes Redis
 * refuse its late writes. `boot` distinguishes two starts under one node id.
 *
 * Example: `n1~ab12cd#1` freezes and is reaped. It wakes up, takes a lease as `n1~ab12cd#2`, and
 * puts its living connections back under that id. A write of `#1` that was still in its socket is
 * refused.
 */
export class Incarnations {
  readonly #base: string;
  readonly #former = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #number = 0;
  #current = '';

  /**
   * @param node Not empty, without spaces and braces: these separate the parts of entries in Redis.
   */
  constructor(node: string, boot: string) {
    if (/[\s{}]|^$/.test(node)) throw new TypeError('A node id must not be empty, and must not contain spaces or braces.');
    this.#base = `${node}~${boot}`;
  }

  /** The id that operations run under; empty before the first `use`. */
  get current(): string {
    return this.#current;
  }

  /** The former ids that may still have entries in Redis. */
  get former(): readonly string[] {
    return [...this.#former];
  }

  /** An id never used before. */
  next(): string {
    this.#number += 1;
    return `${this.#base}#${this.#number}`;
  }

  /** Makes `id` the current one. */
  use(id: string): void {
    if (this.#current !== '') this.#former.add(this.#current);
    this.#current = id;
    this.wake();
  }

  /** A former one has no entries left. */
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

/** Returns the node of an incarnation's id. */
export function nodeOfIncarnation(id: string): string {
  return id.slice(0, id.lastIndexOf('~'));
}
