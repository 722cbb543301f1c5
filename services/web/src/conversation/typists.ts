import type { Person } from '#libs/client/index.ts';

/** Milliseconds after which somebody who was typing counts as having stopped; the hub tells once a second. */
const STILL_MS = 3_500;

/** Who is typing now. */
export class Typists {
  readonly #changed: () => void;
  readonly #typing = new Map<string, { readonly person: Person; readonly timer: ReturnType<typeof setTimeout> }>();

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** One of them. */
  get person(): Person | undefined {
    return this.#typing.values().next().value?.person;
  }

  type(person: Person): void {
    const { id } = person;
    clearTimeout(this.#typing.get(id)?.timer);
    this.#typing.set(id, { person, timer: setTimeout(() => this.stop(id), STILL_MS) });
    this.#changed();
  }

  /** They stopped, or said it. */
  stop(id: string): void {
    const one = this.#typing.get(id);
    if (one === undefined) return;
    clearTimeout(one.timer);
    this.#typing.delete(id);
    this.#changed();
  }

  clear(): void {
    for (const id of [...this.#typing.keys()]) this.stop(id);
  }
}
